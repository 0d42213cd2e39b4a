import { measureClosing } from "./closing-times.ts";
import { openStage, Schedule } from "./formal-model.ts";
import { fullRun } from "./full-run.ts";
import { findingsOf } from "./matrix.ts";
import { type Mutant, mutating } from "./mutants.ts";

const SCHEDULES = 3;
const STEPS = 250;

/**
 * Runs the check of some mutants, all of them in one platform.
 * @param firstPort the first of fourteen free ports.
 * @returns all that the check says; nothing if it notices nothing.
 */
export async function whatIsSaid(mutants: readonly Mutant[], firstPort: number): Promise<readonly string[]> {
  const check = mutants[0]?.check ?? "matrix";
  if (mutants.some((mutant) => mutant.check !== check)) throw new Error("mutants of different checks");
  const plugins = [mutating(mutants)];
  if (check === "matrix") return findingsOf(await fullRun(firstPort, plugins));
  try {
    return check === "model" ? await schedules(firstPort, plugins) : await closings(firstPort, plugins);
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

/** Those of the mutants that no finding belongs to. */
export function survivorsOf(mutants: readonly Mutant[], said: readonly string[]): readonly string[] {
  return mutants
    .filter(({ finding }) => !said.some((sentence) => sentence.startsWith(finding)))
    .map(({ name }) => name);
}

async function schedules(firstPort: number, plugins: ReturnType<typeof mutating>[]): Promise<string[]> {
  const stage = await openStage(firstPort, plugins);
  try {
    for (let seed = 1; seed <= SCHEDULES; seed += 1) {
      const schedule = new Schedule(stage, seed);
      for (let step = 0; step < STEPS; step += 1) await schedule.step();
      await schedule.finish();
    }
    return [];
  } finally {
    await stage.stop();
  }
}

/** One way for an app, one for a device, and the end that comes by itself. */
async function closings(firstPort: number, plugins: ReturnType<typeof mutating>[]): Promise<string[]> {
  const chosen = ["the owner revokes", "the owner says that it is lost", "the token expires"];
  const { times } = await measureClosing(firstPort, 1, {
    chosen: (cause) => chosen.includes(cause),
    plugins,
  });
  return times
    .filter(({ lateMessages }) => lateMessages > 0)
    .map(({ cause, behaviour }) => `messages came afterwards: ${cause}, ${behaviour}`);
}
