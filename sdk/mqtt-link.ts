import mqtt from "mqtt";
import { backoffMs } from "./backoff.ts";
import type { Clock } from "./clock.ts";

/** Where to connect and with what; from the token answer. */
export interface LinkCredential {
  readonly token: string;
  readonly gatewayUri: string;
  /** When to ask for the next one. */
  readonly renewAtMs: number;
}

/** A message that arrived, its payload as text (every payload of the platform's own topics is UTF-8). */
export interface LinkMessage {
  readonly topicName: string;
  readonly payload: string;
  readonly retained: boolean;
}

/** What to connect as, and what to do with what arrives. */
export interface LinkOptions {
  /**
   * Called before every connection. It may take its time; it is where refreshing happens.
   * @param refused the gateway did not accept the last token.
   * @returns `undefined` when there is no authority any more: the link then ends.
   */
  readonly credential: (refused: boolean) => Promise<LinkCredential | undefined>;
  readonly mqttClientId: string;
  readonly topicFilters: readonly string[];
  readonly will?: { readonly topicName: string; readonly payload: string };
  readonly clock: Clock;
  readonly random: () => number;
  readonly keepAliveSeconds?: number;
  /**
   * What arrives at QoS 1 while there is no connection is kept for so long (MQTT 5 session expiry); a goodbye ends it
   * at once. Without it, and with a broker that knows only 3.1.1, nothing is kept.
   */
  readonly sessionSeconds?: number;
  readonly onMessage: (message: LinkMessage) => void;
  /** Runs after subscribing and before anybody else's publishes leave. */
  readonly onUp?: (publish: Publish) => Promise<void>;
  readonly onDown?: () => void;
  /** Runs before a clean goodbye; what it publishes is the last that the broker hears. */
  readonly onGoodbye?: (publish: Publish) => Promise<void>;
}

/** As in MQTT; QoS 1 and not retained when absent. */
export interface PublishOptions {
  readonly qos?: 0 | 1;
  readonly retain?: boolean;
}

/** Resolves when the message was written (QoS 0) or acknowledged (QoS 1). */
export type Publish = (topicName: string, payload: string, options?: PublishOptions) => Promise<void>;

type Connection = { readonly client: mqtt.MqttClient; readonly closed: Promise<"closed"> };
type Outcome = "ended" | "stopped";
type End =
  | { readonly why: "refused" | "stopped" | "too new" }
  | { readonly why: "lost"; readonly wasUp: boolean }
  | { readonly why: "renew"; readonly next: LinkCredential | undefined };

/** Where a client puts its next token (IDENTITY.md §2.D, way b). */
const RENEWAL_TOPIC = "$auth/token";
const CONNECT_TIMEOUT_MS = 15_000;
const GOODBYE_TIMEOUT_MS = 2000;
/** A connection that lived this long was a good one: the next back-off starts from the beginning. */
const GOOD_CONNECTION_MS = 30_000;
/** A connection that worked and broke is tried again soon: often the token has ended, or a server was replaced. */
const FIRST_PAUSE_MS = 500;

/**
 * One lasting MQTT connection over WebSocket: a new MQTT.js client for each attempt, each with a credential asked
 * for at that moment (MQTT.js keeps one password for its own reconnects). Publishes wait for a connection, and a
 * QoS 1 publish is repeated on the next one until some broker acknowledged it.
 */
export class MqttLink {
  readonly #options: LinkOptions;
  /** 4 is 3.1.1 (MQTT 5.0 §3.1.2.2). */
  #protocolLevel: 4 | 5;
  #connection: Connection | undefined;
  #opened = Promise.withResolvers<Connection | undefined>();

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#protocolLevel = options.sessionSeconds === undefined ? 4 : 5;
  }

  /** Runs until there is no credential any more ("ended") or `signal` aborts ("stopped", with a clean goodbye). */
  async run(signal: AbortSignal): Promise<Outcome> {
    const { clock, random, credential } = this.#options;
    let failures = 0;
    let wasRefused = false;
    try {
      let current = await credential(false);
      while (current !== undefined && !signal.aborted) {
        const startedMs = clock.now();
        const end = await this.#connectOnce(current, signal);
        if (end.why === "stopped") return "stopped";
        if (end.why === "too new") continue;
        if (end.why === "renew") {
          current = end.next;
          continue;
        }
        failures = clock.now() - startedMs > GOOD_CONNECTION_MS ? 1 : failures + 1;
        const refused = end.why === "refused";
        // A refusal is the normal end of a token: a new one is tried without waiting. Two in a row are not normal.
        if (!refused || wasRefused) {
          const isFirst = failures === 1 && end.why === "lost" && end.wasUp;
          const pauseMs = isFirst
            ? random() * FIRST_PAUSE_MS
            : backoffMs(failures - 1, random(), { capMs: 300_000 });
          await clock.sleep(pauseMs, signal);
        }
        wasRefused = refused;
        if (!signal.aborted) current = await credential(refused);
      }
      return signal.aborted ? "stopped" : "ended";
    } finally {
      this.#opened.resolve(undefined);
    }
  }

  /** Waits for a connection if there is none. @throws Error when the link has ended. */
  readonly publish: Publish = async (topicName, payload, options = {}) => {
    for (;;) {
      const connection = await this.#opened.promise;
      if (connection === undefined) throw new Error("the connection has ended");
      if (await publishOn(connection, topicName, payload, options)) return;
      if (this.#connection === connection) this.#close(connection);
    }
  };

  /** For what must not come late: sent on the connection that there is, once. @returns whether it was accepted. */
  async publishNow(topicName: string, payload: string): Promise<boolean> {
    const connection = this.#connection;
    return connection !== undefined && (await publishOn(connection, topicName, payload, { qos: 1 }));
  }

  async #connectOnce(credential: LinkCredential, signal: AbortSignal): Promise<End> {
    const opened = await this.#open(credential, signal);
    if ("why" in opened) return opened;
    const publish: Publish = async (topicName, payload, options = {}) => {
      if (!(await publishOn(opened, topicName, payload, options))) throw new Error("connection lost");
    };
    try {
      await Promise.race([this.#greet(opened, publish), opened.closed]);
      const end = await this.#untilOver(opened, credential, signal);
      if (end.why === "stopped") {
        const goodbye = this.#options.onGoodbye?.(publish).catch(() => undefined);
        await this.#withinGoodbyeTime(goodbye, opened.closed);
      }
      return end;
    } catch {
      return { why: "lost", wasUp: this.#connection === opened };
    } finally {
      this.#close(opened);
      await this.#disconnect(opened, signal.aborted);
      this.#options.onDown?.();
    }
  }

  /** Subscribes, lets the owner of the link speak first, and opens the gate for everybody's publishes. */
  async #greet(connection: Connection, publish: Publish): Promise<void> {
    const { client } = connection;
    const subscribed = await Promise.allSettled(
      this.#options.topicFilters.map((topicFilter) => client.subscribeAsync(topicFilter, { qos: 1 })),
    );
    // A refused filter (SUBACK 0x80) narrows what arrives; only a lost connection is a failure.
    if (subscribed.some(({ status }) => status === "rejected") && !client.connected) throw new Error("lost");
    await this.#options.onUp?.(publish);
    this.#connection = connection;
    this.#opened.resolve(connection);
  }

  /**
   * The next token is fetched while the old one is still good, and handed to the gateway on the same connection. A
   * gateway that does not take it closes (3.1.1) or says no (5.0): then the connection is replaced.
   */
  async #untilOver(connection: Connection, credential: LinkCredential, signal: AbortSignal): Promise<End> {
    const { clock } = this.#options;
    const over = new AbortController();
    const stop = () => over.abort();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    try {
      let current = credential;
      for (;;) {
        const waitMs = Math.max(1000, current.renewAtMs - clock.now());
        const due = clock.sleep(waitMs, over.signal).then(() => "due" as const);
        const event = await Promise.race([connection.closed, due]);
        if (signal.aborted) return { why: "stopped" };
        if (event === "closed") return { why: "lost", wasUp: true };
        const next = await this.#options.credential(false);
        if (signal.aborted) return { why: "stopped" };
        if (next === undefined) return { why: "renew", next };
        // The same token again: the server could not be asked, and the old one goes on to its end.
        const isTaken =
          next.token === current.token || (await publishOn(connection, RENEWAL_TOPIC, next.token, {}));
        if (!isTaken) return { why: "renew", next };
        current = next;
      }
    } finally {
      stop();
      signal.removeEventListener("abort", stop);
    }
  }

  #open(current: LinkCredential, signal: AbortSignal): Promise<Connection | End> {
    const { mqttClientId, will, keepAliveSeconds = 60, sessionSeconds, onMessage } = this.#options;
    const keepsSession = this.#protocolLevel === 5 && sessionSeconds !== undefined;
    const client = mqtt.connect(current.gatewayUri, {
      clientId: mqttClientId,
      protocolVersion: this.#protocolLevel,
      // For a device: a command that waited while it slept would come too late (MESSAGING.md §5).
      clean: !keepsSession,
      ...(keepsSession ? { properties: { sessionExpiryInterval: sessionSeconds } } : {}),
      username: "Bearer",
      password: current.token,
      keepalive: keepAliveSeconds,
      reconnectPeriod: 0,
      connectTimeout: CONNECT_TIMEOUT_MS,
      resubscribe: false,
      timerVariant: "native", // MQTT.js's own choice needs a blob: worker, which a strict CSP forbids
      ...(will === undefined
        ? {}
        : { will: { topic: will.topicName, payload: will.payload, qos: 1 as const, retain: true } }),
    });
    client.on("message", (topicName, payload, packet) =>
      onMessage({ topicName, payload: payload.toString("utf8"), retained: packet.retain }),
    );
    const closed = new Promise<"closed">((resolve) => client.once("close", () => resolve("closed")));
    return new Promise((resolve) => {
      const fail = (why: "refused" | "lost" | "stopped" | "too new") => {
        signal.removeEventListener("abort", stop);
        client.end(true);
        resolve(why === "lost" ? { why, wasUp: false } : { why });
      };
      const stop = () => fail("stopped");
      signal.addEventListener("abort", stop, { once: true });
      client.once("connect", () => {
        signal.removeEventListener("abort", stop);
        resolve({ client, closed });
      });
      // Later errors arrive here too: MQTT.js gives up on the connection, and so do we.
      client.on("error", (error) => {
        const isTooNew = this.#protocolLevel === 5 && isProtocolRefusal(error);
        if (isTooNew) this.#protocolLevel = 4;
        fail(isTooNew ? "too new" : isAuthorityRefusal(error) ? "refused" : "lost");
      });
      client.once("close", () => fail("lost"));
    });
  }

  #close(connection: Connection): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    this.#opened = Promise.withResolvers();
  }

  /** @param isOver nobody comes back for what the session would keep. */
  async #disconnect({ client }: Connection, isOver: boolean): Promise<void> {
    const wasConnected = client.connected;
    const goodbye = isOver && this.#protocolLevel === 5 ? { properties: { sessionExpiryInterval: 0 } } : {};
    const ended = client.endAsync(!wasConnected, goodbye).catch(() => undefined);
    await this.#withinGoodbyeTime(ended);
    if (wasConnected) client.stream?.destroy();
  }

  async #withinGoodbyeTime(...events: readonly unknown[]): Promise<void> {
    const timer = new AbortController();
    await Promise.race([...events, this.#options.clock.sleep(GOODBYE_TIMEOUT_MS, timer.signal)]);
    timer.abort();
  }
}

async function publishOn(
  { client, closed }: Connection,
  topicName: string,
  payload: string,
  { qos = 1, retain = false }: PublishOptions,
): Promise<boolean> {
  if (!client.connected || client.disconnecting) return false;
  const sent = client.publishAsync(topicName, payload, { qos, retain }).then(
    () => true,
    () => false,
  );
  return await Promise.race([sent, closed.then(() => false)]);
}

/** CONNACK 4 and 5 of 3.1.1 and their counterparts of 5.0: the token, not the network, is the reason. */
function isAuthorityRefusal(error: Error): boolean {
  const code: unknown = Reflect.get(error, "code");
  return code === 4 || code === 5 || code === 0x86 || code === 0x87;
}

/** CONNACK 1 of 3.1.1, which is what a broker without MQTT 5 answers, and its counterpart of 5.0. */
function isProtocolRefusal(error: Error): boolean {
  const code: unknown = Reflect.get(error, "code");
  return code === 1 || code === 0x84;
}
