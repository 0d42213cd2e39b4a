import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addressesFrom } from "../../scripts/platform/addresses.ts";
import { type Platform, startPlatform } from "../../scripts/platform/platform.ts";
import type { ThirdPartyApp } from "../support/third-party-app.ts";
import { type Link, textOf } from "./support/link.ts";
import { type Consent, type Thing, type User, World } from "./support/world.ts";

/**
 * The paper's model under random schedules, against the whole running platform through its public endpoints: a
 * value flows from a device to an app exactly when one and the same user has claimed the device and let the app see
 * it, and neither has ended. The model below knows of users, claims and consents only, and of no engine.
 */
const SCHEDULES = 5;
const STEPS = 250;
const firstSeed = Number(process.env.VISIBILITY_SEED ?? Math.floor(Math.random() * 2 ** 31));
const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-model-"));

let platform: Platform;
let world: World;
let users: readonly User[];
let things: readonly Thing[];
let apps: readonly { name: string; app: ThirdPartyApp }[];

beforeAll(async () => {
  platform = await startPlatform({
    addresses: addressesFrom(18_820, 18_824),
    stateDir,
    settings: {
      DEVICE_POLL_SECONDS: "1",
      APP_REGISTRATIONS_PER_MINUTE: "1000",
      CLAIM_TRIES_PER_MINUTE: "1000",
    },
  });
  world = await World.open(platform.addresses, platform.secrets.operatorToken);
  users = [await world.user("alice"), await world.user("bob")];
  things = [await world.make(), await world.make(), await world.make(), await world.make()];
  apps = [
    { name: "First app", app: await world.app("First app") },
    { name: "Second app", app: await world.app("Second app") },
  ];
});

afterAll(async () => {
  await platform.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

/** What was agreed to: by ownership, not by device, since a new owner has agreed to nothing. */
interface Agreed {
  readonly consent: Consent;
  readonly read: ReadonlySet<Thing["owned"]>;
  readonly command: ReadonlySet<Thing["owned"]>;
  /** Handles under which its messages came, by ownership. */
  readonly learned: Map<Thing["owned"], string>;
}

class Schedule {
  readonly #random: () => number;
  readonly #log: string[] = [];
  #agreed: Agreed[] = [];
  /** Connections whose right has ended, with what they had heard until then. */
  readonly #gone: { link: Link; heard: number; token?: string }[] = [];
  readonly counts = { flowed: 0, held: 0, commands: 0, refusedCommands: 0, ended: 0, transfers: 0 };

  constructor(seed: number) {
    this.#random = mulberry32(seed);
  }

  get story(): string {
    return this.#log.join("\n");
  }

  async step(): Promise<void> {
    const thing = this.#pick(things);
    const user = this.#pick(users);
    const choice = this.#random();
    if (thing.owned === undefined) return this.#claim(thing, user);
    if (choice < 0.5) return this.#message(thing);
    if (choice < 0.6) return this.#command(thing);
    if (choice < 0.78) return this.#consent(user);
    if (choice < 0.9) return this.#revoke();
    if (choice < 0.95) return this.#release(thing);
    return this.#transfer(thing);
  }

  /** Ends everything, and looks once more. */
  async finish(): Promise<void> {
    while (this.#agreed.length > 0) await this.#revoke();
    for (const thing of things) if (thing.owned !== undefined) await this.#message(thing);
    for (const thing of things) if (thing.owned !== undefined) await this.#release(thing);
  }

  async #claim(thing: Thing, user: User): Promise<void> {
    this.#log.push(`${user.login} claims ${thing.name}`);
    await world.claim(thing, user);
  }

  async #consent(user: User): Promise<void> {
    const own = things.filter(({ owned }) => owned?.user === user);
    const read = own.filter(() => this.#random() < 0.6);
    const command = own.filter(() => this.#random() < 0.4);
    if (read.length + command.length === 0) return;
    const { name, app } = this.#pick(apps);
    this.#log.push(`${user.login} lets ${name} read ${namesOf(read)} and command ${namesOf(command)}`);
    const consent = await world.consent(app, name, user, read, command);
    this.#agreed.push({
      consent,
      read: new Set(read.map(({ owned }) => owned)),
      command: new Set(command.map(({ owned }) => owned)),
      learned: new Map(),
    });
  }

  async #revoke(): Promise<void> {
    const ending = this.#pick(this.#agreed);
    if (ending === undefined) return;
    const { consent } = ending;
    const isOnly =
      this.#agreed.filter(({ consent: other }) => other.app === consent.app && other.user === consent.user)
        .length === 1;
    const by = isOnly && this.#random() < 0.5 ? "user" : "app";
    this.#log.push(`${by} ends ${consent.appName} of ${consent.user.login}`);
    await world.revoke(consent, by);
    await consent.link.end();
    this.#agreed = this.#agreed.filter((one) => one !== ending);
    this.#gone.push({
      link: consent.link,
      heard: consent.link.heard.length,
      token: consent.tokens.accessToken,
    });
    expect(await world.tryToConnect(consent.tokens.accessToken), this.story).toBeTypeOf("number");
    this.counts.ended += 1;
  }

  async #release(thing: Thing): Promise<void> {
    this.#log.push(`${thing.owned?.user.login} releases ${thing.name}`);
    const link = thing.owned?.link;
    await world.release(thing);
    if (link !== undefined) this.#gone.push({ link, heard: link.heard.length });
  }

  async #transfer(thing: Thing): Promise<void> {
    const other = users.find((user) => user !== thing.owned?.user);
    const link = thing.owned?.link;
    if (other === undefined || link === undefined) return;
    this.#log.push(`${thing.name} is handed to ${other.login}`);
    await world.transfer(thing, other);
    this.#gone.push({ link, heard: link.heard.length });
    this.counts.transfers += 1;
  }

  /** One value: exactly its owner and the apps that this owner lets read it hear it, each once. */
  async #message(thing: Thing): Promise<void> {
    const { owned } = thing;
    if (owned === undefined) return;
    const word = world.word();
    this.#log.push(`${thing.name} says ${word}`);
    await owned.link.publish("telemetry/temperature", word);
    await this.#everybodyCaughtUp();
    const readers = this.#agreed.filter(({ read }) => read.has(owned));
    const expected = [owned.user.link, ...readers.map(({ consent }) => consent.link)];
    for (const link of this.#links()) {
      const times = link.heard.filter((packet) => textOf(packet) === word).length;
      expect(times, `${word} at ${this.#nameOf(link)}\n${this.story}`).toBe(expected.includes(link) ? 1 : 0);
      this.counts[times === 1 ? "flowed" : "held"] += 1;
    }
    for (const { consent, learned } of readers) {
      const packet = consent.link.heard.find((one) => textOf(one) === word);
      learned.set(owned, /^devices\/([^/]+)\//.exec(packet?.topicName ?? "")?.[1] ?? "");
    }
    this.#expectSilenceOfTheGone();
  }

  /** Every app that ever learned a name of this device tries it, its own and everybody else's. */
  async #command(thing: Thing): Promise<void> {
    const { owned } = thing;
    const names = this.#agreed.flatMap(({ learned }) => learned.get(owned) ?? []);
    if (owned === undefined) return;
    for (const agreed of this.#agreed) {
      for (const name of [...names, owned.handle]) {
        const word = world.word();
        const isAllowed = agreed.command.has(owned) && agreed.learned.get(owned) === name;
        this.#log.push(`${agreed.consent.appName} of ${agreed.consent.user.login} commands ${name}: ${word}`);
        await agreed.consent.link.publish(`devices/${name}/command/led`, word);
        await this.#everybodyCaughtUp();
        for (const { owned: other } of things) {
          const times = other?.link.heard.filter((packet) => textOf(packet) === word).length ?? 0;
          expect(times, this.story).toBe(isAllowed && other === owned ? 1 : 0);
        }
        for (const user of users) {
          if (user === agreed.consent.user) continue;
          expect(
            user.link.heard.some((packet) => textOf(packet) === word),
            this.story,
          ).toBe(false);
        }
        this.counts[isAllowed ? "commands" : "refusedCommands"] += 1;
        // A refused command may cost an MQTT 3.1.1 client its connection (MQTT 3.1.1 §3.3.5): it comes back.
        if (agreed.consent.link.endedAtMs === undefined) continue;
        agreed.consent.link = await world.connect(agreed.consent.tokens.accessToken);
        await agreed.consent.link.subscribe("#");
      }
    }
  }

  async #everybodyCaughtUp(): Promise<void> {
    await Promise.all(this.#links().map((link) => link.caughtUp()));
  }

  #expectSilenceOfTheGone(): void {
    for (const { link, heard } of this.#gone) expect(link.heard.length, this.story).toBe(heard);
  }

  #links(): readonly Link[] {
    return [
      ...users.map(({ link }) => link),
      ...this.#agreed.map(({ consent }) => consent.link),
      ...things.flatMap(({ owned }) => (owned === undefined ? [] : [owned.link])),
    ];
  }

  #nameOf(link: Link): string {
    const user = users.find((one) => one.link === link);
    const agreed = this.#agreed.find(({ consent }) => consent.link === link);
    return user?.login ?? agreed?.consent.appName ?? "a device";
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)] as T; // callers look, where there may be none
  }
}

test.each(Array.from({ length: SCHEDULES }, (_, index) => firstSeed + index))(
  "nothing flows before both consents of one user, nothing crosses users, nothing comes afterwards (seed %i)",
  async (seed) => {
    console.log(`VISIBILITY_SEED=${seed}`);
    const schedule = new Schedule(seed);
    try {
      for (let step = 0; step < STEPS; step += 1) await schedule.step();
      await schedule.finish();
    } catch (error) {
      console.log(schedule.story);
      throw error;
    }
    console.log(JSON.stringify(schedule.counts));
    expect(schedule.counts.flowed).toBeGreaterThan(0);
    expect(schedule.counts.held).toBeGreaterThan(0);
  },
);

function namesOf(some: readonly Thing[]): string {
  return some.map(({ name }) => name).join(", ") || "nothing";
}

/** A small generator of known quality; 0 ≤ x < 1. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
