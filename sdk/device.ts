import type { DeviceModel } from "../engines/oauth/authority.ts";
import { type Clock, systemClock } from "./clock.ts";
import { type CommandReply, parseCommand } from "./command.ts";
import { type AuthorityState, DeviceAuthority } from "./device-authority.ts";
import type { IdentityStore } from "./device-identity.ts";
import { type LinkMessage, MqttLink } from "./mqtt-link.ts";
import { encodeSenml, type SampleValue } from "./senml.ts";

/** Where a device is: the OAuth states and those of its connection; `elsewhere` while another program runs it. */
export type DeviceState = AuthorityState | "elsewhere" | "connecting" | "online" | "offline" | "stopped";

/**
 * Does what an app asked.
 * @returns the actuator's value afterwards.
 * @throws anything to answer "failed".
 */
export type CommandHandler = (value: SampleValue | null) => SampleValue | Promise<SampleValue>;

/** What the maker says about the device; what is left out is the machine's. */
export interface DeviceOptions {
  readonly store: IdentityStore;
  readonly model: DeviceModel;
  readonly commands?: Readonly<Record<string, CommandHandler>>;
  /** The time of samples that come without one, seconds since 1970; the clock's when absent. */
  readonly sampleTime?: () => number;
  readonly onState?: (state: DeviceState) => void;
  /** A command was done or failed; after its reply left. */
  readonly onCommand?: (name: string, reply: CommandReply) => void;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
  /** 0 ≤ x < 1. */
  readonly random?: () => number;
}

/** When a sample was measured, and how surely it is to arrive. */
export interface TelemetryOptions {
  /** When it was measured, seconds since 1970; now when absent. */
  readonly timeSeconds?: number;
  /**
   * Default 0: the newest value replaces the others, and one that is acknowledged costs its owner a write in the
   * personal cloud each time (docs/decisions/022). 1 for what must not be lost.
   */
  readonly qos?: 0 | 1;
}

/** A sample was dropped because nobody owns the device (any more). */
export class NotOwned extends Error {
  override readonly name = "NotOwned";
}

/** The device has been stopped. */
export class DeviceEnded extends Error {
  override readonly name = "DeviceEnded";
}

/** How often to look whether the other program has given the device up. */
const LOCK_RETRY_MS = 2000;
/** Replies to the last commands are kept, so that a command that arrives twice is done once. */
const REMEMBERED_COMMANDS = 64;

/**
 * A device as its maker writes one: say what it is, handle its commands, call `publish`. Waiting for an owner,
 * tokens, reconnecting and starting over after a revocation happen inside `run`.
 *
 * @example
 *   const device = new Device({ store, model, commands: { led: (on) => setLed(on === true) } });
 *   device.run(signal);
 *   await device.publish("temperature", 21.5);
 *
 * @see MESSAGING.md §2 for the topics
 */
export class Device {
  readonly #options: DeviceOptions & { readonly clock: Clock; readonly random: () => number };
  readonly #authority: DeviceAuthority;
  readonly #replies = new Map<string, Promise<CommandReply>>();
  #link: MqttLink | undefined;
  #ownership = Promise.withResolvers<void>();
  #state: DeviceState = "offline";
  #stopped = false;

  constructor(options: DeviceOptions) {
    const { clock = systemClock, random = Math.random, fetch: ownFetch = fetch } = options;
    this.#options = { ...options, clock, random };
    const onState = (state: DeviceState) => this.#enter(state);
    this.#authority = new DeviceAuthority({ store: options.store, fetch: ownFetch, clock, random, onState });
  }

  get state(): DeviceState {
    return this.#state;
  }

  /** Lives until `signal` aborts: waits for an owner, is online, and starts over when the owner ends it. */
  async run(signal: AbortSignal): Promise<void> {
    const unlock = await this.#lock(signal);
    try {
      while (!signal.aborted) {
        if ((await this.#authority.awaitClaim(signal)) === undefined) break;
        this.#link = await this.#createLink(signal);
        this.#ownership.resolve();
        await this.#link.run(signal);
        this.#link = undefined;
        this.#ownership = Promise.withResolvers();
      }
    } finally {
      this.#stopped = true;
      this.#link = undefined;
      this.#ownership.promise.catch(() => undefined); // nobody may be waiting
      this.#ownership.reject(new DeviceEnded());
      await unlock?.();
      this.#enter("stopped");
    }
  }

  /**
   * Waits until somebody owns the device.
   * @throws DeviceEnded once the device has stopped.
   */
  async owned(): Promise<void> {
    await this.#ownership.promise;
  }

  /**
   * Publishes one retained sample on `telemetry/{property}`; waits for a connection if there is none.
   *
   * What was measured under one owner never reaches the next: without an owner, and when the owner leaves while the
   * sample waits, it is dropped (FIRMWARE.md §1, "REVOKED").
   *
   * @throws NotOwned when it was dropped; DeviceEnded once the device has stopped.
   */
  async publish(property: string, value: SampleValue, options: TelemetryOptions = {}): Promise<void> {
    const { timeSeconds = this.#now(), qos = 0 } = options;
    const payload = this.#senml(property, value, timeSeconds);
    const link = this.#link;
    if (link === undefined) throw this.#stopped ? new DeviceEnded() : new NotOwned();
    try {
      await link.publish(`telemetry/${property}`, payload, { qos, retain: true });
    } catch {
      throw this.#stopped ? new DeviceEnded() : new NotOwned();
    }
  }

  /** @returns `undefined` when the store knows no locks, or `signal` aborted while another program had it. */
  async #lock(signal: AbortSignal): Promise<(() => Promise<void>) | undefined> {
    const { store, clock } = this.#options;
    if (store.lock === undefined) return undefined;
    while (!signal.aborted) {
      const unlock = await store.lock();
      if (unlock !== undefined) return unlock;
      this.#enter("elsewhere");
      await clock.sleep(LOCK_RETRY_MS, signal);
    }
    return undefined;
  }

  async #createLink(signal: AbortSignal): Promise<MqttLink> {
    const { mqttClientId } = await this.#authority.identity();
    return new MqttLink({
      mqttClientId,
      clock: this.#options.clock,
      random: this.#options.random,
      topicFilters: ["command/+"],
      will: { topicName: "$state", payload: "lost" },
      credential: async (refused) => {
        const access = await this.#authority.access(signal, { refused });
        if (access !== undefined && this.#state !== "online") this.#enter("connecting");
        return access;
      },
      onMessage: (message) => void this.#receive(message),
      onUp: async (publish) => {
        await publish("$description", JSON.stringify(this.#options.model), { retain: true });
        await publish("$state", "ready", { retain: true });
        this.#enter("online");
      },
      onDown: () => this.#enter("offline"),
      onGoodbye: (publish) => publish("$state", "disconnected", { retain: true }),
    });
  }

  async #receive({ topicName, payload, retained }: LinkMessage): Promise<void> {
    const name = /^command\/([^/]+)$/.exec(topicName)?.[1];
    const command = parseCommand(payload);
    if (name === undefined || command === undefined || retained) return; // a retained command is an old one
    const known = this.#replies.get(command.id);
    const pending = known ?? this.#perform(name, command.id, command.value);
    if (known === undefined) this.#remember(command.id, pending);
    const reply = await pending;

    const publish = this.#link?.publish;
    if (publish === undefined) return;
    try {
      if (reply.status === "done" && reply.value !== null && name in this.#options.model.properties) {
        const sample = this.#senml(name, reply.value, this.#now());
        await publish(`telemetry/${name}`, sample, { retain: true });
      }
      await publish(`command/${name}/reply`, JSON.stringify(reply));
      if (known === undefined) this.#options.onCommand?.(name, reply);
    } catch {
      // The connection ended before the reply left: the app sees its own time-out.
    }
  }

  async #perform(name: string, id: string, value: SampleValue | null): Promise<CommandReply> {
    const { commands = {} } = this.#options;
    const handler = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (handler === undefined) return { id, status: "failed", error: "unknown_command" };
    try {
      return { id, status: "done", value: await handler(value) };
    } catch {
      return { id, status: "failed", error: "not_done" };
    }
  }

  #remember(id: string, reply: Promise<CommandReply>): void {
    this.#replies.set(id, reply);
    const [oldest] = this.#replies.keys();
    if (this.#replies.size > REMEMBERED_COMMANDS && oldest !== undefined) this.#replies.delete(oldest);
  }

  #senml(name: string, value: SampleValue, timeSeconds: number): string {
    const unit = this.#options.model.properties[name]?.unit;
    return encodeSenml({ name, value, timeSeconds, ...(unit === undefined ? {} : { unit }) });
  }

  #now(): number {
    const { sampleTime, clock } = this.#options;
    return sampleTime?.() ?? clock.now() / 1000;
  }

  #enter(state: DeviceState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onState?.(state);
  }
}
