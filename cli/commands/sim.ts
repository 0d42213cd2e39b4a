import { Command } from "commander";
import { systemClock } from "../../sdk/clock.ts";
import type { DeviceIdentity } from "../../sdk/device-identity.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { type Context, contextOf } from "../context.ts";
import { labelText } from "../labels.ts";
import { examples, positiveInteger, positiveNumber } from "../options.ts";
import { freeNames, registerDevices, type WantedDevice } from "../register-devices.ts";
import { Household } from "../sim/household.ts";
import type { Pace } from "../sim/player.ts";
import { Simulation } from "../sim/simulation.ts";
import { SimulationReport } from "../sim/simulation-report.ts";
import { Trace, TraceError } from "../sim/trace.ts";
import { missingTraceDevices } from "../sim/trace-devices.ts";
import { fleetCommand } from "./sim-fleet.ts";

interface RunOptions {
  readonly trace?: string;
  readonly speed?: number;
  readonly rate?: number;
  readonly limit?: number;
  readonly loop?: boolean;
  readonly wait: boolean;
  readonly name?: readonly string[];
  readonly seed: string;
  readonly interval: number;
  readonly stay?: boolean;
}

/** `edgenym sim run`, `edgenym sim factory` and `edgenym sim fleet` */
export function simCommand(): Command {
  const sim = new Command("sim").description("simulated devices: real MQTT clients without hardware");
  sim.addCommand(runCommand());
  sim.addCommand(factoryCommand());
  sim.addCommand(fleetCommand());
  return sim;
}

function runCommand(): Command {
  return new Command("run")
    .description("switch devices on, and feed them from a trace or from a household that does not exist")
    .option("--trace <file>", "replay this CSV; makes the devices S1 … S7 if there are none")
    .option("--speed <x>", "time passes x times as fast", positiveNumber)
    .option("--rate <n>", "n rows of the trace a second, whatever their times say", positiveNumber)
    .option("--limit <n>", "stop after n rows (trace) or rounds (household)", positiveInteger)
    .option("--loop", "begin the trace again at its end")
    .option("--no-wait", "do not wait until every device of the trace has an owner")
    .option("--stay", "stay online when the trace is over")
    .option("--name <name...>", "only these devices")
    .option("--seed <seed>", "which household", "1")
    .option("--interval <seconds>", "how often the household is measured", positiveNumber, 5)
    .addHelpText(
      "before",
      examples(
        "sim run",
        "sim run --trace ../shared/datasets/room-occupancy/room_occupancy.csv --speed 60",
        "sim run --name room-node-1 --interval 1",
      ),
    )
    .action(async (options: RunOptions, command: Command) => {
      const context = contextOf(command);
      if (options.speed !== undefined && options.rate !== undefined) {
        throw new CliError(exitCodes.usage, "--speed and --rate exclude each other");
      }
      if (options.trace === undefined)
        await runHousehold(context, await chosenDevices(context, options.name), options);
      else await runTrace(context, new Trace(options.trace), options);
    });
}

function factoryCommand(): Command {
  return new Command("factory")
    .description("make new devices, print their labels and switch them on")
    .option("--count <n>", "how many", positiveInteger, 3)
    .option("--model <id>", "room-node, co2-node, motion-node or power-plug", "room-node")
    .option("--seed <seed>", "which household they stand in", "1")
    .option("--interval <seconds>", "how often it is measured", positiveNumber, 5)
    .addHelpText("before", examples("sim factory --count 3"))
    .action(
      async (options: { count: number; model: string; seed: string; interval: number }, command: Command) => {
        const context = contextOf(command);
        const names = await freeNames(context.workspace, options.model, options.count);
        const made = await make(
          context,
          names.map((name) => ({ name, product: options.model })),
        );
        await runHousehold(context, made, { ...options, wait: false });
      },
    );
}

async function runTrace(context: Context, trace: Trace, options: RunOptions): Promise<void> {
  const { workspace, terminal, signal } = context;
  try {
    await make(context, await missingTraceDevices(workspace, trace));
    const names = options.name ?? [...(await trace.nodes()).keys()];
    await simulate(context, await chosenDevices(context, names), async (simulation) => {
      if (options.wait && !(await simulation.allOwned())) return;
      const rows = await simulation.replay(trace, paceOf(options), signal);
      terminal.record({ event: "trace_done", rows });
      terminal.note(`The trace is over: ${rows} rows.`);
      if (options.stay) await stopped(signal);
    });
  } catch (error) {
    if (error instanceof TraceError)
      throw new CliError(exitCodes.failed, error.message, undefined, { cause: error });
    throw error;
  }
}

async function runHousehold(
  context: Context,
  devices: readonly DeviceIdentity[],
  options: Omit<RunOptions, "trace">,
): Promise<void> {
  const { seed, interval: intervalSeconds, speed, limit } = options;
  await simulate(context, devices, (simulation) =>
    simulation.inhabit(
      new Household(seed),
      {
        intervalSeconds,
        ...(speed === undefined ? {} : { speed }),
        ...(limit === undefined ? {} : { limit }),
      },
      context.signal,
    ),
  );
}

/** Runs the devices while `feed` feeds them; ends when it is done, or at Ctrl-C. */
async function simulate(
  { terminal, workspace, signal }: Context,
  identities: readonly DeviceIdentity[],
  feed: (simulation: Simulation) => Promise<void>,
): Promise<void> {
  const report = new SimulationReport(terminal);
  const devices = identities.map((identity) => ({ identity, store: workspace.deviceStore(identity.name) }));
  const simulation = new Simulation({ devices, clock: systemClock, onEvent: (event) => report.event(event) });
  const done = new AbortController();
  const running = simulation.run(AbortSignal.any([signal, done.signal]));
  report.start(simulation);
  if (identities.some(({ refreshToken }) => refreshToken === undefined)) {
    terminal.next(
      "npx edgenym claim --open",
      "in another terminal, while they run: make the first one yours",
    );
  }
  try {
    await feed(simulation);
  } finally {
    done.abort();
    await running;
    report.end(simulation);
  }
}

/** With names, exactly these; without, all that no other program runs. */
async function chosenDevices(
  { workspace, terminal }: Context,
  names: readonly string[] | undefined,
): Promise<readonly DeviceIdentity[]> {
  const devices =
    names === undefined
      ? await workspace.devices()
      : await Promise.all(names.map((name) => workspace.findDevice(name)));
  if (devices.length === 0) {
    const hint = "Make some: npx edgenym factory register --count 3";
    throw new CliError(exitCodes.notFound, "there are no devices yet", hint);
  }
  const inUse = await Promise.all(devices.map(({ name }) => workspace.deviceStore(name).isInUse()));
  const busy = devices.filter((_, index) => inUse[index]).map(({ name }) => name);
  if (busy.length === 0) return devices;
  if (names !== undefined || busy.length === devices.length) {
    const hint = "Is it npm start, or another sim run? Otherwise make new ones: npx edgenym sim factory";
    throw new CliError(exitCodes.failed, `another program already runs ${busy.join(", ")}`, hint);
  }
  terminal.note(`Left alone, as another program runs them: ${busy.join(", ")}.`);
  return devices.filter((_, index) => !inUse[index]);
}

async function make(
  { workspace, terminal }: Context,
  wanted: readonly WantedDevice[],
): Promise<readonly DeviceIdentity[]> {
  const made: DeviceIdentity[] = [];
  for await (const { identity, labelPath } of registerDevices(workspace, wanted)) {
    made.push(identity);
    const { name, product, userRegistrationUri, userCode } = identity;
    terminal.record({
      event: "made",
      name,
      model: product,
      registration_uri: userRegistrationUri,
      code: userCode,
      label: labelPath,
    });
    terminal.line(
      wanted.length <= 3 ? `${labelText(identity)}\n` : `${name.padEnd(16)} ${userRegistrationUri}`,
    );
  }
  return made;
}

function paceOf({ speed, rate, limit, loop }: RunOptions): Pace {
  return {
    ...(speed === undefined ? {} : { speed }),
    ...(rate === undefined ? {} : { rate }),
    ...(limit === undefined ? {} : { limit }),
    ...(loop === undefined ? {} : { loop }),
  };
}

function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
