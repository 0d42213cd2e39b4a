import { logInAsOwner } from "../../../cli/owner-login.ts";
import { Person } from "../../../cli/sim/person.ts";
import type { Addresses } from "../../../scripts/platform/addresses.ts";
import type { Factory } from "../../../sdk/factory.ts";
import { makeDevice, openFactory } from "../../support/manufacturer.ts";
import { DeviceClient } from "../../support/owned-device.ts";
import { type AppTokens, ThirdPartyApp } from "../../support/third-party-app.ts";
import { deviceReferences, offerDevice, pressOnDevice } from "./device-page.ts";
import { accepted, Link, textOf } from "./link.ts";
import { type Batch, Operator } from "./operator.ts";

const LOOPBACK = "http://127.0.0.1/callback";

/** A person with their owner's connection, which hears all of their personal cloud. */
export interface User {
  readonly login: string;
  readonly person: Person;
  readonly link: Link;
  /** `ws://…/mqtt/{route}`: the way to their personal cloud, which the object itself guards. */
  readonly door: string;
}

/** A device, and what it has while somebody owns it. */
export interface Thing {
  readonly client: DeviceClient;
  readonly name: string;
  owned:
    | {
        readonly user: User;
        readonly handle: string;
        readonly reference: string;
        readonly link: Link;
        readonly token: string;
        readonly refreshToken: string;
      }
    | undefined;
}

/** One consent of one user to one app, with the app's connection. */
export interface Consent {
  readonly app: ThirdPartyApp;
  readonly appName: string;
  readonly user: User;
  readonly tokens: AppTokens;
  /** By `performance.now()`. */
  readonly gotTokenMs: number;
  link: Link;
}

/** Users, devices and apps on a running platform, and everything that they can do to each other. */
export class World {
  readonly #addresses: Addresses;
  readonly #factory: Factory;
  readonly #operator: Operator;
  #last = 0;

  private constructor(addresses: Addresses, factory: Factory, operator: Operator) {
    this.#addresses = addresses;
    this.#factory = factory;
    this.#operator = operator;
  }

  static async open(addresses: Addresses, operatorToken: string): Promise<World> {
    const factory = await openFactory(addresses.didp, operatorToken);
    return new World(addresses, factory, new Operator(addresses.didp, operatorToken));
  }

  get didp(): string {
    return this.#addresses.didp;
  }

  /** A word that nobody else has said; the number ends, so that none is the beginning of another. */
  word(): string {
    this.#last += 1;
    return `word-${this.#last}-`;
  }

  async user(login: string): Promise<User> {
    const person = new Person({ login });
    const { accessToken, gatewayUri } = await logInAsOwner(this.#addresses.didp, LOOPBACK, (url) =>
      person.consent(url, LOOPBACK),
    );
    const link = await this.connect(accessToken);
    await link.subscribe("#");
    return { login, person, link, door: gatewayUri };
  }

  /** Somebody who has not been here before. */
  stranger(): Promise<User> {
    this.#last += 1;
    return this.user(`load-${this.#last}`);
  }

  async make(factory = this.#factory): Promise<Thing> {
    const identity = await makeDevice(factory, "room-node");
    return { client: new DeviceClient(this.#addresses.didp, identity), name: this.word(), owned: undefined };
  }

  openBatch(): Promise<Batch> {
    return this.#operator.openBatch(this.word());
  }

  async ban(app: ThirdPartyApp): Promise<void> {
    await this.#operator.ask("POST", `/apps/${app.client.client_id}/ban`);
  }

  app(name: string): Promise<ThirdPartyApp> {
    return ThirdPartyApp.register(this.#addresses.gateway, name);
  }

  /** @throws Error if it is refused. */
  async connect(token: string): Promise<Link> {
    return accepted(await this.tryToConnect(token));
  }

  /** @param door a personal cloud's own address; the gateway's by default. @returns the link, or what refused it. */
  tryToConnect(
    token: string,
    door = `${this.#addresses.gateway.replace("http", "ws")}/mqtt`,
  ): Promise<Link | number> {
    return Link.open({ url: door }, token);
  }

  /** The label is used, and the device comes online. */
  async claim(thing: Thing, user: User): Promise<void> {
    await this.#own(thing, user, new URL(thing.client.identity.userRegistrationUri));
  }

  /** The owner makes a link, the other person opens it; the device has to come back. */
  async transfer(thing: Thing, user: User): Promise<void> {
    const { owned } = thing;
    if (owned === undefined) throw new Error("nobody owns it");
    const offer = await offerDevice(owned.user.person, this.#addresses.didp, owned.reference);
    await this.#own(thing, user, offer, owned.link);
  }

  /** The same, as far as the other person's yes; then the device is theirs, and has to come back (`release` does). */
  async take(thing: Thing, user: User): Promise<void> {
    const { owned } = thing;
    if (owned === undefined) throw new Error("nobody owns it");
    const offer = await offerDevice(owned.user.person, this.didp, owned.reference);
    const before = new Set(await this.#referencesOf(user));
    await user.person.claim(offer, { deviceName: thing.name });
    const reference = (await this.#referencesOf(user)).find((one) => !before.has(one)) ?? "";
    thing.owned = { ...owned, user, reference };
  }

  async release(thing: Thing): Promise<void> {
    const { owned } = thing;
    await this.press(thing, "release");
    thing.owned = undefined;
    await owned?.link.end();
  }

  /** A button of its owner's page. */
  async press(thing: Thing, action: Parameters<typeof pressOnDevice>[2]): Promise<void> {
    const { owned } = thing;
    if (owned === undefined) throw new Error("nobody owns it");
    await pressOnDevice(owned.user.person, this.didp, action, owned.reference);
  }

  /** Released, and claimed by its label once more. */
  async claimAgain(thing: Thing, user: User): Promise<void> {
    thing.owned = undefined;
    await this.claim(thing, user);
  }

  /** Reset at the device. */
  async reset(thing: Thing): Promise<void> {
    await thing.client.revoke(thing.owned?.refreshToken ?? "");
  }

  /** The same ownership on a new connection, with the code that it waits with or a renewed token. */
  async comeBack(thing: Thing, code?: string): Promise<void> {
    const { owned } = thing;
    if (owned === undefined) throw new Error("nobody owns it");
    const { accessToken, refreshToken } =
      code === undefined ? await thing.client.refresh(owned.refreshToken) : await thing.client.poll(code);
    const link = await this.connect(accessToken);
    await link.subscribe("command/#");
    thing.owned = { ...owned, link, token: accessToken, refreshToken };
  }

  /** @param read, command the devices that are ticked. */
  async consent(
    app: ThirdPartyApp,
    appName: string,
    user: User,
    read: readonly Thing[],
    command: readonly Thing[],
  ): Promise<Consent> {
    const handles = (things: readonly Thing[]) => things.map(({ owned }) => owned?.handle ?? "");
    const tokens = await app.authorize(user.person, { read: handles(read), command: handles(command) });
    const gotTokenMs = performance.now();
    const link = await this.connect(tokens.accessToken);
    await link.subscribe("#");
    return { app, appName, user, tokens, gotTokenMs, link };
  }

  /** The end of a consent, by the app itself or by the user on the page of apps. */
  async revoke({ app, appName, user, tokens }: Consent, by: "app" | "user"): Promise<void> {
    if (by === "app") await app.revoke(tokens.refreshToken);
    else await user.person.revokeApp(this.#addresses.didp, appName);
  }

  async #own(thing: Thing, user: User, label: URL, formerLink?: Link): Promise<void> {
    const { didp } = this.#addresses;
    const before = new Set(await this.#referencesOf(user));
    const code = formerLink === undefined ? await thing.client.switchOn() : undefined;
    await user.person.claim(label, { deviceName: thing.name });
    await formerLink?.end();
    const { accessToken, refreshToken } = await thing.client.poll(code ?? (await thing.client.switchOn()));
    const reference = (await deviceReferences(user.person, didp)).find((one) => !before.has(one));
    if (reference === undefined) throw new Error("the new device is not on its owner's page");
    const link = await this.connect(accessToken);
    await link.subscribe("command/#");
    const hello = this.word();
    await link.publish("event/hello", hello);
    const heard = await user.link.message((packet) => textOf(packet).includes(hello));
    const handle = /^devices\/([^/]+)\//.exec(heard.topicName)?.[1] ?? "";
    thing.owned = { user, handle, reference, link, token: accessToken, refreshToken };
  }

  #referencesOf(user: User): Promise<readonly string[]> {
    return deviceReferences(user.person, this.#addresses.didp);
  }
}
