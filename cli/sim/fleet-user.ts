import { findProduct } from "../../demo/products.ts";
import { AppAuthorization } from "../../sdk/app-authorization.ts";
import { type Clock, systemClock } from "../../sdk/clock.ts";
import { DeviceAuthority } from "../../sdk/device-authority.ts";
import type { DeviceIdentity } from "../../sdk/device-identity.ts";
import type { Factory } from "../../sdk/factory.ts";
import type { Gate } from "../concurrency.ts";
import type { Credential } from "./fleet-credentials.ts";
import type { FleetJournal } from "./fleet-journal.ts";
import { Person } from "./person.ts";

/** What all users of a fleet share. */
export interface FleetWorld {
  readonly gateway: string;
  readonly factory: Factory;
  readonly journal: FleetJournal;
  /** The DIdP counts claim tries of one network; more at a time would be refused. */
  readonly claims: Gate;
  readonly product: string;
  readonly signal: AbortSignal;
}

/** Nothing listens there: the person's browser is sent to it and stops. */
const REDIRECT_URI = "http://127.0.0.1:9/edgenym-fleet";

/** One user of a fleet: a person, their devices, and their grant for the fleet's app. */
export class FleetUser {
  readonly key: string;
  readonly deviceNames: readonly string[];
  readonly authorization: AppAuthorization;
  readonly #world: FleetWorld;
  readonly #person: Person;

  constructor(world: FleetWorld, { key, login, devices }: { key: string; login: string; devices: number }) {
    this.#world = world;
    this.key = key;
    this.deviceNames = Array.from({ length: devices }, (_, index) => `${key}-d${index + 1}`);
    this.#person = new Person({ login });
    this.authorization = new AppAuthorization({
      gateway: world.gateway,
      redirectUri: REDIRECT_URI,
      appName: "Fleet",
      tokenStore: world.journal.texts(key),
      clientStore: world.journal.texts("fleet"),
      fetch: (...request) => fetch(...request),
      clock: systemClock,
      random: Math.random,
    });
  }

  /** Whether everything of this user has been made, now or in an earlier run. */
  get #isMade(): boolean {
    return (
      this.authorization.isGranted &&
      this.deviceNames.every((name) => this.#identity(name)?.refreshToken !== undefined)
    );
  }

  /** Registers and claims what is missing, and lets the app in. What was done before an interruption is kept. */
  async #make(): Promise<void> {
    for (const name of this.deviceNames) {
      if (this.#identity(name) === undefined) await this.#register(name);
      if (this.#identity(name)?.refreshToken === undefined) await this.#claim(name);
    }
    if (this.authorization.isGranted) return;
    const url = await this.authorization.begin({
      actions: ["read", "command"],
      purpose: "to measure the platform",
    });
    await this.authorization.complete(await this.#person.consent(url, REDIRECT_URI));
  }

  /**
   * A fresh access token for each device and for the app. What an owner has ended since an earlier run is made anew.
   * @throws Error when one of them has lost its authority again.
   */
  async credentials(): Promise<readonly Credential[]> {
    const wasMade = this.#isMade;
    if (!wasMade) await this.#make();
    const credentials = await this.#collect({ refused: wasMade });
    if (credentials !== undefined) return credentials;
    await this.#make();
    const again = await this.#collect({ refused: false });
    if (again === undefined) throw new Error(`${this.key} has lost its devices or its grant`);
    return again;
  }

  /** @param refused the app's stored token may be of no use any more. @returns `undefined` when something has ended. */
  async #collect({ refused }: { refused: boolean }): Promise<readonly Credential[] | undefined> {
    const credentials: Credential[] = [];
    for (const name of this.deviceNames) {
      const access = await this.#authority(name, systemClock).access(this.#world.signal);
      const mqttClientId = this.#identity(name)?.mqttClientId;
      if (access === undefined || mqttClientId === undefined) return undefined;
      const { token: password } = access;
      credentials.push({
        mqttClientId,
        userName: "Bearer",
        password,
        topicPrefix: "",
        userKey: this.key,
        role: "dev",
      });
    }
    const access = await this.authorization.access(this.#world.signal, { refused });
    if (access === undefined) return undefined;
    const { token: password } = access;
    // The app sees its devices under handles of its own, which it learns from `grant`; `+` stands for all of them.
    const app = { mqttClientId: `app-${this.key}`, userName: "Bearer", password, topicPrefix: "devices/+/" };
    return [...credentials, { ...app, userKey: this.key, role: "tpa" }];
  }

  async #register(name: string): Promise<void> {
    const { factory, journal, product } = this.#world;
    const title = findProduct(product)?.model.title ?? product;
    journal.addDevice(await factory.register({ name, product, title }));
  }

  /** The device waits for its owner while the person walks through the pages; then it need not wait any longer. */
  async #claim(name: string): Promise<void> {
    const { claims, signal } = this.#world;
    const bell = new Bell();
    const waiting = Promise.withResolvers<void>();
    const isWaiting = (identity: DeviceIdentity) => {
      if (identity.deviceCode !== undefined) waiting.resolve();
    };
    const identity = this.#identity(name);
    if (identity === undefined) throw new Error(`${name} is not registered`);
    const stop = new AbortController();
    const claimed = this.#authority(name, bell, isWaiting).awaitClaim(AbortSignal.any([signal, stop.signal]));
    try {
      if (identity.deviceCode === undefined) {
        await Promise.race([waiting.promise, claimed]);
      } else {
        // From an interrupted run: it may have been claimed already, so it is asked about first.
        bell.ring();
        const answer = await Promise.race([
          claimed,
          systemClock.sleep(2000, stop.signal).then(() => "not yet" as const),
        ]);
        if (answer !== "not yet") return;
      }
      await claims.pass(() =>
        this.#person.claim(new URL(identity.userRegistrationUri), { deviceName: name }),
      );
      bell.ring();
      await claimed;
    } finally {
      stop.abort();
    }
  }

  #authority(name: string, clock: Clock, onSave?: (identity: DeviceIdentity) => void): DeviceAuthority {
    const store = this.#world.journal.deviceStore(name, onSave);
    return new DeviceAuthority({
      store,
      clock,
      random: Math.random,
      fetch: (...request) => fetch(...request),
    });
  }

  #identity(name: string): DeviceIdentity | undefined {
    return this.#world.journal.device(name);
  }
}

/** The machine's clock, but `ring` ends the sleep between two polls. */
class Bell implements Clock {
  #rung = Promise.withResolvers<void>();

  now(): number {
    return Date.now();
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const timer = new AbortController();
    const either = signal === undefined ? timer.signal : AbortSignal.any([signal, timer.signal]);
    // A request's time-out is longer than the time between two polls, and must not end with the bell.
    const isPoll = ms < 15_000;
    await Promise.race([systemClock.sleep(ms, either), ...(isPoll ? [this.#rung.promise] : [])]);
    timer.abort();
    if (isPoll) this.#rung = Promise.withResolvers();
  }

  ring(): void {
    this.#rung.resolve();
  }
}
