import { base64url } from "../engines/oauth/base64url.ts";
import type { AppAuthorization } from "./app-authorization.ts";
import type { Clock } from "./clock.ts";
import { type CommandReply, parseReply } from "./command.ts";
import { type AppGrant, parseGrant } from "./grant.ts";
import { type LinkMessage, MqttLink } from "./mqtt-link.ts";
import { decodeSenml, type Sample, type SampleValue } from "./senml.ts";

/** `ended`: the grant is gone (revoked, expired) or the app closed the connection. */
export type AppStatus = "connecting" | "online" | "offline" | "ended";

/** One value as it reached the app. */
export interface ReceivedSample extends Sample {
  /** The device's pairwise handle. */
  readonly handle: string;
  /** The telemetry topic's last level. */
  readonly property: string;
  readonly receivedAtMs: number;
  /** Known from before; the device has not just sent it. */
  readonly retained: boolean;
}

/** What the app wants to hear of; every handler is optional. */
export interface AppHandlers {
  readonly onStatus?: (status: AppStatus) => void;
  readonly onGrant?: (grant: AppGrant) => void;
  readonly onSample?: (sample: ReceivedSample) => void;
  /** `ready`, `sleeping`, `disconnected`, `lost`, … (MESSAGING.md §2). */
  readonly onPresence?: (handle: string, state: string) => void;
}

/** No reply came in time: the command may or may not have been done. */
export class CommandTimedOut extends Error {
  override readonly name = "CommandTimedOut";
}

/** There is no connection: the command was not sent and will not be. */
export class NotConnected extends Error {
  override readonly name = "NotConnected";
}

/** By what right to connect, and who is told what arrives. */
export interface AppConnectionOptions {
  readonly authorization: AppAuthorization;
  /** The name of a session that outlives the connection for some minutes; without it there is none. */
  readonly session?: Promise<string>;
  readonly handlers: AppHandlers;
  readonly clock: Clock;
  /** 0 ≤ x < 1, for back-off. */
  readonly random: () => number;
}

/** Long enough for a reload, or a phone that goes through a tunnel; short enough to cost the owner nothing. */
const SESSION_SECONDS = 300;
const TOPIC_FILTERS = ["grant", "devices/+/telemetry/+", "devices/+/$state", "devices/+/command/+/reply"];

/** An app's live view of the devices it was granted (MESSAGING.md §2, "app"). */
export class AppConnection {
  readonly #options: AppConnectionOptions;
  readonly #replies = new Map<string, (reply: CommandReply) => void>();
  readonly #stop = new AbortController();
  #link: MqttLink | undefined;
  /** Resolves when the connection has ended for good. */
  readonly ended: Promise<void>;
  #status: AppStatus = "connecting";

  constructor(options: AppConnectionOptions) {
    this.#options = options;
    options.handlers.onStatus?.(this.#status);
    this.ended = this.#run().then(() => this.#enter("ended"));
  }

  async #run(): Promise<void> {
    const { authorization, clock, random, session } = this.#options;
    const name = await session;
    this.#link = new MqttLink({
      mqttClientId: name ?? base64url(crypto.getRandomValues(new Uint8Array(12))),
      ...(name === undefined ? {} : { sessionSeconds: SESSION_SECONDS }),
      topicFilters: TOPIC_FILTERS,
      clock,
      random,
      credential: async (refused) => {
        if (this.#status !== "online") this.#enter("connecting");
        return await authorization.access(this.#stop.signal, { refused });
      },
      onMessage: (message) => this.#receive(message),
      onUp: async () => this.#enter("online"),
      onDown: () => this.#enter("offline"),
    });
    await this.#link.run(this.#stop.signal);
  }

  get status(): AppStatus {
    return this.#status;
  }

  /**
   * Asks a device to do something, and waits for its reply.
   * @throws NotConnected at once while offline; CommandTimedOut after `timeoutMs` (10 s).
   */
  async command(
    handle: string,
    name: string,
    value: SampleValue | null,
    { timeoutMs = 10_000 } = {},
  ): Promise<CommandReply> {
    const id = base64url(crypto.getRandomValues(new Uint8Array(12)));
    const reply = new Promise<CommandReply>((resolve) => this.#replies.set(id, resolve));
    const timer = new AbortController();
    const late = this.#options.clock.sleep(timeoutMs, timer.signal).then(() => "late" as const);
    try {
      const sending = this.#link?.publishNow(
        `devices/${handle}/command/${name}`,
        JSON.stringify({ id, value }),
      );
      const sent = Promise.resolve(sending).then((isSent) =>
        isSent ? new Promise<never>(() => undefined) : ("unsent" as const),
      );
      const first = await Promise.race([reply, sent, late]);
      if (first === "unsent") throw new NotConnected(`${name} was not sent`);
      if (first === "late") throw new CommandTimedOut(`${name}: no reply within ${timeoutMs} ms`);
      return first;
    } finally {
      timer.abort();
      this.#replies.delete(id);
    }
  }

  /** Says goodbye; the grant stays. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.ended;
  }

  #receive({ topicName, payload, retained }: LinkMessage): void {
    const { handlers, clock } = this.#options;
    if (topicName === "grant") {
      const grant = parseGrant(payload);
      if (grant !== undefined) handlers.onGrant?.(grant);
      return;
    }
    const [root, handle = "", branch, leaf = ""] = topicName.split("/");
    if (root !== "devices") return;
    if (branch === "$state") {
      handlers.onPresence?.(handle, payload);
    } else if (branch === "telemetry") {
      const receivedAtMs = clock.now();
      for (const sample of decodeSenml(payload, leaf) ?? []) {
        handlers.onSample?.({ ...sample, handle, property: leaf, receivedAtMs, retained });
      }
    } else if (branch === "command") {
      const reply = parseReply(payload);
      if (reply !== undefined) this.#replies.get(reply.id)?.(reply);
    }
  }

  #enter(status: AppStatus): void {
    if (status === this.#status) return;
    this.#status = status;
    this.#options.handlers.onStatus?.(status);
  }
}
