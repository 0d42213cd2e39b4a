import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { seeded } from "../../../engines/testing/random.ts";
import { addressesFrom } from "../../../scripts/platform/addresses.ts";
import { type PlatformOptions, startPlatform } from "../../../scripts/platform/platform.ts";
import type { ThirdPartyApp } from "../../support/third-party-app.ts";
import { type Link, textOf } from "./link.ts";
import { type Consent, type Thing, type User, World } from "./world.ts";

/** Two users, four devices and two apps on a platform of their own. */
export interface Stage {
  readonly world: World;
  readonly users: readonly User[];
  readonly things: readonly Thing[];
  readonly apps: readonly { readonly name: string; readonly app: ThirdPartyApp }[];
  stop(): Promise<void>;
}

/**
 * Starts the platform of a schedule.
 * @param firstPort the first of five free ports.
 */
export async function openStage(firstPort: number, plugins: PlatformOptions["plugins"] = []): Promise<Stage> {
  const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-model-"));
  const platform = await startPlatform({
    addresses: addressesFrom(firstPort, firstPort + 4),
    stateDir,
    plugins,
    settings: {
      DEVICE_POLL_SECONDS: "1",
      APP_REGISTRATIONS_PER_MINUTE: "1000",
      CLAIM_TRIES_PER_MINUTE: "1000",
    },
  });
  const stop = async () => {
    await platform.stop();
    rmSync(stateDir, { recursive: true, force: true });
  };
  try {
    const world = await World.open(platform.addresses, platform.secrets.operatorToken);
    const users = [await world.user("alice"), await world.user("bob")];
    const things = [await world.make(), await world.make(), await world.make(), await world.make()];
    const apps = [
      { name: "First app", app: await world.app("First app") },
      { name: "Second app", app: await world.app("Second app") },
    ];
    return { world, users, things, apps, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The platform did something that the model does not allow. */
export class ModelBroken extends Error {
  override readonly name = "ModelBroken";
}

/** What was agreed to: by ownership, not by device, since a new owner has agreed to nothing. */
interface Agreed {
  readonly consent: Consent;
  readonly read: ReadonlySet<Thing["owned"]>;
  readonly command: ReadonlySet<Thing["owned"]>;
  /** Handles under which its messages came, by ownership. */
  readonly learned: Map<Thing["owned"], string>;
}

/**
 * The paper's model under a random schedule, against the whole running platform through its public endpoints: a value
 * flows from a device to an app exactly when one and the same user has claimed the device and let the app see it, and
 * neither has ended. The model knows of users, claims and consents only, and of no engine.
 */
export class Schedule {
  readonly #stage: Stage;
  readonly #random: () => number;
  readonly #log: string[] = [];
  #agreed: Agreed[] = [];
  /** Connections whose right has ended, with what they had heard until then. */
  readonly #gone: { link: Link; heard: number; token?: string }[] = [];
  readonly counts = { flowed: 0, held: 0, commands: 0, refusedCommands: 0, ended: 0, transfers: 0 };

  constructor(stage: Stage, seed: number) {
    this.#stage = stage;
    this.#random = seeded(seed);
  }

  get story(): string {
    return this.#log.join("\n");
  }

  async step(): Promise<void> {
    const thing = this.#pick(this.#stage.things);
    const user = this.#pick(this.#stage.users);
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
    for (const thing of this.#stage.things) if (thing.owned !== undefined) await this.#message(thing);
    for (const thing of this.#stage.things) if (thing.owned !== undefined) await this.#release(thing);
  }

  async #claim(thing: Thing, user: User): Promise<void> {
    this.#log.push(`${user.login} claims ${thing.name}`);
    await this.#stage.world.claim(thing, user);
    await this.#knockNextDoor(thing.owned?.token ?? "", user);
  }

  async #consent(user: User): Promise<void> {
    const own = this.#stage.things.filter(({ owned }) => owned?.user === user);
    const read = own.filter(() => this.#random() < 0.6);
    const command = own.filter(() => this.#random() < 0.4);
    if (read.length + command.length === 0) return;
    const { name, app } = this.#pick(this.#stage.apps);
    this.#log.push(`${user.login} lets ${name} read ${namesOf(read)} and command ${namesOf(command)}`);
    const consent = await this.#stage.world.consent(app, name, user, read, command);
    await this.#knockNextDoor(consent.tokens.accessToken, user);
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
    await this.#stage.world.revoke(consent, by);
    await consent.link.end();
    this.#agreed = this.#agreed.filter((one) => one !== ending);
    this.#gone.push({
      link: consent.link,
      heard: consent.link.heard.length,
      token: consent.tokens.accessToken,
    });
    const again = await this.#stage.world.tryToConnect(consent.tokens.accessToken);
    this.#must(typeof again === "number", "an app came back with the token of an ended grant");
    this.counts.ended += 1;
  }

  async #release(thing: Thing): Promise<void> {
    this.#log.push(`${thing.owned?.user.login} releases ${thing.name}`);
    const { owned } = thing;
    await this.#stage.world.release(thing);
    await this.#disowned(owned);
  }

  /** The former ownership is over: its connection hears nothing more, and its token opens nothing. */
  async #disowned(owned: Thing["owned"]): Promise<void> {
    if (owned === undefined) return;
    this.#gone.push({ link: owned.link, heard: owned.link.heard.length });
    const again = await this.#stage.world.tryToConnect(owned.token);
    this.#must(typeof again === "number", "a device came back with the token of an ended ownership");
  }

  async #transfer(thing: Thing): Promise<void> {
    const other = this.#stage.users.find((user) => user !== thing.owned?.user);
    const { owned } = thing;
    if (other === undefined || owned === undefined) return;
    this.#log.push(`${thing.name} is handed to ${other.login}`);
    await this.#stage.world.transfer(thing, other);
    await this.#disowned(owned);
    this.counts.transfers += 1;
  }

  /** One value: exactly its owner and the apps that this owner lets read it hear it, each once. */
  async #message(thing: Thing): Promise<void> {
    const { owned } = thing;
    if (owned === undefined) return;
    const word = this.#stage.world.word();
    this.#log.push(`${thing.name} says ${word}`);
    await owned.link.publish("telemetry/temperature", word);
    await this.#everybodyCaughtUp();
    const readers = this.#agreed.filter(({ read }) => read.has(owned));
    const expected = [owned.user.link, ...readers.map(({ consent }) => consent.link)];
    for (const link of this.#links()) {
      const times = link.heard.filter((packet) => textOf(packet) === word).length;
      const due = expected.includes(link) ? 1 : 0;
      this.#must(
        times === due,
        `a message came ${times} times instead of ${due} to ${this.#nameOf(link)}: ${word}`,
      );
      this.counts[times === 1 ? "flowed" : "held"] += 1;
    }
    for (const { consent, learned } of readers) {
      const packet = consent.link.heard.find((one) => textOf(one) === word);
      const isOwn = packet?.topicName.includes(owned.handle) === false;
      this.#must(isOwn, `an app heard the handle of the ownership: ${packet?.topicName}`);
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
        const word = this.#stage.world.word();
        const isAllowed = agreed.command.has(owned) && agreed.learned.get(owned) === name;
        this.#log.push(`${agreed.consent.appName} of ${agreed.consent.user.login} commands ${name}: ${word}`);
        await agreed.consent.link.publish(`devices/${name}/command/led`, word);
        await this.#everybodyCaughtUp();
        for (const { owned: other } of this.#stage.things) {
          const times = other?.link.heard.filter((packet) => textOf(packet) === word).length ?? 0;
          const due = isAllowed && other === owned ? 1 : 0;
          this.#must(times === due, `a command came ${times} times instead of ${due} to a device: ${word}`);
        }
        for (const user of this.#stage.users) {
          if (user === agreed.consent.user) continue;
          const hasHeard = user.link.heard.some((packet) => textOf(packet) === word);
          this.#must(!hasHeard, `${user.login} heard a command of another user's`);
        }
        this.counts[isAllowed ? "commands" : "refusedCommands"] += 1;
        // A refused command may cost an MQTT 3.1.1 client its connection (MQTT 3.1.1 §3.3.5): it comes back.
        if (agreed.consent.link.endedAtMs === undefined) continue;
        agreed.consent.link = await this.#stage.world.connect(agreed.consent.tokens.accessToken);
        await agreed.consent.link.subscribe("#");
      }
    }
  }

  async #everybodyCaughtUp(): Promise<void> {
    await Promise.all(this.#links().map((link) => link.caughtUp()));
  }

  #expectSilenceOfTheGone(): void {
    for (const { link, heard } of this.#gone)
      this.#must(link.heard.length === heard, "a connection whose right had ended heard something");
  }

  /** Nobody else's personal cloud lets it in, whichever way it comes. */
  async #knockNextDoor(token: string, user: User): Promise<void> {
    for (const other of this.#stage.users) {
      if (other === user) continue;
      const answer = await this.#stage.world.tryToConnect(token, other.door);
      this.#must(
        typeof answer === "number",
        `a token was taken by another user's personal cloud: of ${user.login} by ${other.login}`,
      );
    }
  }

  #must(holds: boolean, broken: string): void {
    if (!holds) throw new ModelBroken(broken);
  }

  #links(): readonly Link[] {
    return [
      ...this.#stage.users.map(({ link }) => link),
      ...this.#agreed.map(({ consent }) => consent.link),
      ...this.#stage.things.flatMap(({ owned }) => (owned === undefined ? [] : [owned.link])),
    ];
  }

  #nameOf(link: Link): string {
    const user = this.#stage.users.find((one) => one.link === link);
    const agreed = this.#agreed.find(({ consent }) => consent.link === link);
    return user?.login ?? agreed?.consent.appName ?? "a device";
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)] as T; // callers look, where there may be none
  }
}

function namesOf(some: readonly Thing[]): string {
  return some.map(({ name }) => name).join(", ") || "nothing";
}
