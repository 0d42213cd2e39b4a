import type { Clock } from "../../sdk/clock.ts";
import type { CommandReply } from "../../sdk/command.ts";
import type { DeviceState } from "../../sdk/device.ts";
import type { DeviceIdentity, IdentityStore } from "../../sdk/device-identity.ts";
import { type Household, type HouseholdProperty, householdProperties } from "./household.ts";
import { type Pace, play } from "./player.ts";
import { SimulatedDevice } from "./simulated-device.ts";
import type { Trace } from "./trace.ts";

/** What happened to one device of a running simulation. */
export type SimulationEvent =
  | { readonly event: "state"; readonly device: string; readonly state: DeviceState }
  | {
      readonly event: "command";
      readonly device: string;
      readonly command: string;
      readonly status: CommandReply["status"];
    };

/** Live counts; all since the start except the first three. */
export interface SimulationCounts {
  readonly devices: number;
  readonly online: number;
  /** Switched on, and nobody owns it yet. */
  readonly waiting: number;
  readonly published: number;
  /** Measured while nobody owned the device. */
  readonly dropped: number;
  readonly commands: number;
}

/** Which devices, and who is told what happens to them. */
export interface SimulationOptions {
  readonly devices: readonly { readonly identity: DeviceIdentity; readonly store: IdentityStore }[];
  readonly clock: Clock;
  /** What time it is where the devices stand, seconds since 1970; the clock's when absent. */
  readonly sampleTime?: () => number;
  readonly onEvent?: (event: SimulationEvent) => void;
}

/** Many simulated devices in one process, and what feeds them. */
export class Simulation {
  readonly devices: ReadonlyMap<string, SimulatedDevice>;
  readonly #clock: Clock;
  #published = 0;
  #dropped = 0;
  #commands = 0;

  constructor({ devices, clock, sampleTime, onEvent }: SimulationOptions) {
    this.#clock = clock;
    this.devices = new Map(
      devices.map(({ identity, store }) => {
        const device = identity.name;
        const simulated = new SimulatedDevice({
          identity,
          store,
          ...(sampleTime === undefined ? {} : { sampleTime }),
          onState: (state) => onEvent?.({ event: "state", device, state }),
          onCommand: (command, { status }) => {
            this.#commands += 1;
            onEvent?.({ event: "command", device, command, status });
          },
        });
        return [device, simulated];
      }),
    );
  }

  get counts(): SimulationCounts {
    const states = [...this.devices.values()].map(({ state }) => state);
    return {
      devices: states.length,
      online: states.filter((state) => state === "online").length,
      waiting: states.filter((state) => state === "waiting").length,
      published: this.#published,
      dropped: this.#dropped,
      commands: this.#commands,
    };
  }

  /** Devices of which nobody is the owner yet. */
  get waitingFor(): readonly string[] {
    return [...this.devices.values()].filter(({ state }) => state === "waiting").map(({ name }) => name);
  }

  /** Switches every device on; resolves when all have stopped after `signal`. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.devices.values()].map((device) => device.run(signal)));
  }

  /** Resolves when somebody owns each of them; `false` when the simulation was stopped before. */
  async allOwned(): Promise<boolean> {
    const owned = await Promise.all([...this.devices.values()].map((device) => device.owned()));
    return owned.every((isOwned) => isOwned);
  }

  /**
   * Replays a trace: every node's values on the device of the same name, in the trace's order, each acknowledged
   * before the row counts as done. Nodes without a device are passed over.
   * @returns the number of rows.
   */
  async replay(trace: Trace, pace: Pace, signal: AbortSignal): Promise<number> {
    let rows = 0;
    for await (const row of play(trace, pace, this.#clock, signal)) {
      const byNode = Map.groupBy(row.samples, ({ node }) => node);
      await Promise.all(
        [...byNode].map(async ([node, samples]) => {
          const device = this.devices.get(node);
          if (device === undefined) return;
          for (const { property, value, timeSeconds } of samples) {
            this.#count(await device.publish(property, value, timeSeconds));
          }
        }),
      );
      if (!signal.aborted) rows += 1;
    }
    return rows;
  }

  /**
   * Measures a household: every device all it can, every `intervalSeconds`, whether the others are late or not.
   * @param speed how many seconds of the household pass in one of ours.
   */
  async inhabit(
    household: Household,
    {
      intervalSeconds,
      speed = 1,
      limit = Number.POSITIVE_INFINITY,
    }: { intervalSeconds: number; speed?: number; limit?: number },
    signal: AbortSignal,
  ): Promise<void> {
    const startMs = this.#clock.now();
    await Promise.all(
      [...this.devices.values()].map(async (device) => {
        const room = household.roomOf(device.name);
        for (let round = 0; round < limit && !signal.aborted; round += 1) {
          if (!(await device.owned())) return;
          const timeMs = startMs + (this.#clock.now() - startMs) * speed;
          for (const property of device.measured.filter(isHouseholdProperty)) {
            this.#count(
              await device.publish(
                property,
                household.measure(property, room, timeMs),
                Math.round(timeMs / 1000),
              ),
            );
          }
          await this.#clock.sleep(intervalSeconds * 1000, signal);
        }
      }),
    );
  }

  #count(isDelivered: boolean): void {
    if (isDelivered) this.#published += 1;
    else this.#dropped += 1;
  }
}

function isHouseholdProperty(property: string): property is HouseholdProperty {
  return householdProperties.some((known) => known === property);
}
