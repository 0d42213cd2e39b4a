import { Household } from "../../cli/sim/household.ts";
import { seededNoise } from "../../cli/sim/noise.ts";
import type { TraceRow, TraceRows, TraceSample } from "../../cli/sim/trace.ts";

/** A Sunday afternoon, soon before somebody comes home. */
const START_SECONDS = Date.UTC(2026, 2, 15, 15, 10) / 1000;
const STEP_SECONDS = 30;
const ROOM = "living room";
/** How brightly each lamp lights the sensor beside it, and how long after sitting down or leaving it is switched. */
const LAMPS = [
  { node: "S1", lux: 165, afterMinutes: 2 },
  { node: "S2", lux: 190, afterMinutes: 4 },
  { node: "S3", lux: 175, afterMinutes: 3 },
] as const;

/**
 * For those who have no trace: the household's living room as the seven nodes of a trace would see it, without an
 * end, and the true head count. Whoever sits down lights the lamp beside them, some minutes late.
 */
export class MadeUpRoom implements TraceRows {
  readonly #household: Household;
  readonly #noise: ReturnType<typeof seededNoise>;

  constructor(seed: string) {
    this.#household = new Household(seed);
    this.#noise = seededNoise(seed);
  }

  async *rows(skip = 0): AsyncGenerator<TraceRow> {
    for (let row = skip; ; row += 1) yield this.#row(START_SECONDS + row * STEP_SECONDS);
  }

  #row(timeSeconds: number): TraceRow {
    const timeMs = timeSeconds * 1000;
    const measure = (property: "temperature" | "sound" | "co2" | "motion", offsetMs = 0) =>
      this.#household.measure(property, ROOM, timeMs + offsetMs);
    const sample = (node: string, property: string, value: number): TraceSample => ({
      node,
      property,
      value,
      timeSeconds,
    });
    const samples = [
      ...["S1", "S2", "S3", "S4"].map((node, i) =>
        sample(node, "temperature", Number((measure("temperature") - i * 0.2).toFixed(2))),
      ),
      ...LAMPS.map((lamp, i) => sample(lamp.node, "light", this.#light(lamp, i, timeMs))),
      ...["S1", "S2", "S3", "S4"].map((node, i) => sample(node, "sound", measure("sound", i * 10_000))),
      sample("S5", "co2", measure("co2")),
      sample("S6", "motion", measure("motion")),
      sample("S7", "motion", measure("motion", 15_000)),
    ];
    return { timeSeconds, samples, people: this.#household.occupancy(ROOM, timeMs) };
  }

  #light({ node, lux, afterMinutes }: (typeof LAMPS)[number], place: number, timeMs: number): number {
    const sitting = this.#household.occupancy(ROOM, timeMs - afterMinutes * 60_000);
    const dim = 20 + Math.round(10 * this.#noise("dim", node, timeMs));
    return dim + (sitting > place ? lux : 0);
  }
}
