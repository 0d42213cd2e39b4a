import { readFile, rm, writeFile } from "node:fs/promises";
import { endOwnerAccess, logInAsOwner } from "../../cli/owner-login.ts";
import type { Person } from "../../cli/sim/person.ts";
import { play } from "../../cli/sim/player.ts";
import type { Simulation } from "../../cli/sim/simulation.ts";
import type { TraceRows } from "../../cli/sim/trace.ts";
import type { PlatformAddresses } from "../../cli/workspace.ts";
import { systemClock } from "../../sdk/clock.ts";
import { occupancyRule } from "./direct.ts";

/** What the room's devices are called by their owner, as the rule knows them, and which product each is. */
export const roomDevices = [
  { name: "S1", product: "room-node" },
  { name: "S2", product: "room-node" },
  { name: "S3", product: "room-node" },
  { name: "S4", product: "room-node" },
  { name: "S5", product: "co2-node" },
  { name: "S6", product: "motion-node" },
  { name: "S7", product: "motion-node" },
  { name: "Counter", product: "head-counter" },
  { name: "Sign", product: "door-sign" },
] as const;

/** Where the room's measurements come from, and how fast. */
export interface RoomSource {
  /** Tells one source from another, also at the next start. */
  readonly id: string;
  readonly rows: TraceRows;
  readonly rowsPerSecond: number;
}

/** How far the room has got; kept, so that the next start goes on from there. */
interface Progress {
  readonly source: string;
  readonly rows: number;
}

/**
 * Puts the occupancy rule into the owner's personal cloud, as owners do: log in, agree, `PUT /v1/me/rules/occupancy`;
 * afterwards nothing that could change it again is left here. A rule of that name that is there already goes, with all it remembers.
 * @throws Error with the API's answer when it is refused.
 */
export async function deployOccupancyRule(
  { gateway, didp }: Pick<PlatformAddresses, "gateway" | "didp">,
  owner: Person,
): Promise<void> {
  const redirectUri = "http://127.0.0.1/callback";
  const tokens = await logInAsOwner(didp, redirectUri, (url) => owner.consent(url, redirectUri));
  const request = (method: string, body?: string) =>
    fetch(`${gateway}/v1/me/rules/occupancy`, {
      method,
      headers: { authorization: `Bearer ${tokens.accessToken}`, "content-type": "text/plain" },
      ...(body === undefined ? {} : { body }),
    });
  await request("DELETE");
  const answer = await request("PUT", occupancyRule);
  await endOwnerAccess(didp, tokens);
  if (!answer.ok) throw new Error(`the occupancy rule: ${answer.status} ${await answer.text()}`);
}

/** Plays the room's rows on its devices, one value after the other, and remembers how far it got. */
export class Room {
  readonly #source: RoomSource;
  readonly #progressFile: string;
  #timeSeconds: number | undefined;

  constructor(source: RoomSource, progressFile: string) {
    this.#source = source;
    this.#progressFile = progressFile;
  }

  /** What time it is in the room; now before it has begun. */
  readonly time = (): number => this.#timeSeconds ?? systemClock.now() / 1000;

  /** Whether the last start played the same source, and left off in the middle. */
  async hasBegun(): Promise<boolean> {
    return (await this.#progress()).rows > 0;
  }

  /**
   * Begins when every device has its owner, and runs until there are no more rows, or `signal` aborts and the row that is being played is done; whoever counts
   * heads comes last in a row.
   */
  async play(simulation: Simulation, deviceOf: (name: string) => string, signal: AbortSignal): Promise<void> {
    const { id, rows: source, rowsPerSecond: rate } = this.#source;
    let { rows } = await this.#progress();
    if (!(await simulation.allOwned())) return;
    for await (const row of play(source, { rate, skip: rows }, systemClock, signal)) {
      const { timeSeconds, samples, people } = row;
      this.#timeSeconds = timeSeconds;
      const count = people === undefined ? [] : [{ node: "Counter", property: "people", value: people }];
      for (const { node, property, value } of [...samples, ...count]) {
        await simulation.devices.get(deviceOf(node))?.publish(property, value, timeSeconds);
      }
      rows += 1;
      await writeFile(this.#progressFile, JSON.stringify({ source: id, rows } satisfies Progress));
    }
    if (!signal.aborted) await rm(this.#progressFile, { force: true }); // the next start begins anew
  }

  async #progress(): Promise<Progress> {
    const begin: Progress = { source: this.#source.id, rows: 0 };
    try {
      const { source, rows } = JSON.parse(await readFile(this.#progressFile, "utf8")) as Progress; // our own file
      return source === begin.source && Number.isInteger(rows) ? { source, rows } : begin;
    } catch {
      return begin;
    }
  }
}
