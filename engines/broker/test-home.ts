import { Decoder } from "../mqtt/decoder.ts";
import { encode } from "../mqtt/encoder.ts";
import type {
  Connect,
  Packet,
  Properties,
  ProtocolLevel,
  Publish,
  QoS,
  SubscribeRequest,
  TopicFilter,
  TopicName,
  Will,
} from "../mqtt/packet.ts";
import type {
  AccessAction,
  Authority,
  DeviceHandle,
  DeviceModel,
  GatewayUserId,
  GrantId,
  Introspection,
  Permission,
} from "../oauth/authority.ts";
import { Broker } from "./broker.ts";
import type { Attachment } from "./connection.ts";
import type { ConnectionId, Effect } from "./effect.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import { MemoryStore } from "./memory-store.ts";

/** A brand for text that a test wrote. */
export const user = "user-1" as GatewayUserId;
const utf8 = new TextEncoder();

/** A client whose session is kept for an hour. */
export const lasting: ClientOptions = {
  mqttClientId: "lasting",
  cleanStart: false,
  properties: { sessionExpiryInterval: 3600 },
};

/** A model with one property and one action, for claimed devices. */
export const lampModel: DeviceModel = {
  title: "Lamp",
  properties: { temperature: { title: "Temperature", unit: "Cel" } },
  actions: { light: { title: "Light" } },
};

/** A device's will about its state (MESSAGING.md §2). */
export const stateWill = (payload: string, properties: Properties = {}): Will => ({
  topicName: "$state" as TopicName, // a test's own
  payload: utf8.encode(payload),
  qos: 1,
  retain: true,
  properties,
});

/** What a test says about a client; everything else is a plain, clean connection. */
export interface ClientOptions extends Partial<Omit<Connect, "type" | "password">> {
  readonly handle?: string;
  readonly permissions?: readonly Permission[];
  readonly expiresAtMs?: number;
  readonly epoch?: number;
  /** CONNECT brings this token, and no authority is known before. */
  readonly token?: string;
}

/**
 * One user's broker over a store in memory, a clock that only tests move, and clients that speak bytes. For
 * tests: it carries out effects as the object does.
 */
export class TestHome {
  readonly store = new MemoryStore();
  nowMs = 1_700_000_000_000;
  readonly limits: Limits;
  broker: Broker;
  alarmAtMs: number | undefined;
  /** How many turns asked to take nothing in for a moment. */
  held = 0;
  readonly clients = new Map<ConnectionId, TestClient>();
  /** Token → what the DIdP says; a token that is missing here is not active. */
  readonly tokens = new Map<string, Authority>();
  /** Whether `authenticate` effects are answered in the same moment. */
  answersAtOnce = true;
  readonly unanswered: { readonly on: ConnectionId; readonly token: string }[] = [];
  /** Rebuild the broker from the store and the attachments before every turn. */
  evictsAlways = false;
  readonly #attachments = new Map<ConnectionId, Attachment>();
  #lastConnection = 0;
  #lastRandom = 0;

  constructor(limits: Partial<Limits> = {}) {
    this.limits = { ...defaultLimits, ...limits };
    this.broker = this.#newBroker([]);
  }

  /** Claims a device. */
  claim(handle: string, model: DeviceModel = lampModel): void {
    this.run((broker) => broker.addDevice({ handle: handle as DeviceHandle, name: `my ${handle}`, model }));
  }

  /** Stores a consent: device handle → actions. An app sees `dh1` as `ph-{app}-dh1`. */
  consent(
    app: string,
    devices: Record<string, readonly AccessAction[]>,
    expiresAtMs = Number.MAX_SAFE_INTEGER,
  ) {
    const grant = {
      grantId: app as GrantId,
      appName: `App ${app}`,
      expiresAtMs: Math.min(expiresAtMs, this.nowMs + 10 * 365 * 24 * 3_600_000),
      devices: Object.entries(devices).map(([handle, actions]) => ({
        handle: handle as DeviceHandle,
        pairwiseHandle: `ph-${app}-${handle}`,
        actions,
      })),
    };
    this.run((broker) => broker.setGrant(grant));
  }

  /** A client whose CONNECT was sent; look at `received` for what came back. */
  client(kind: Authority["kind"], options: ClientOptions = {}): TestClient {
    const client = this.socket(kind, options);
    client.send(connectPacket(options));
    return client;
  }

  /** The same with nothing sent yet. */
  socket(kind: Authority["kind"], options: ClientOptions = {}): TestClient {
    const id = ++this.#lastConnection;
    const client = new TestClient(this, id, options.protocolLevel ?? 5);
    this.clients.set(id, client);
    const authority = authorityOf(kind, options, this.nowMs);
    this.run((broker) => broker.open(id, options.token === undefined ? authority : undefined));
    return client;
  }

  /** One turn, and what it asked for. */
  run(turn: (broker: Broker) => Effect[]): Effect[] {
    if (this.evictsAlways) this.evict();
    const effects = turn(this.broker);
    for (const effect of effects) {
      switch (effect.kind) {
        case "send":
          this.clients.get(effect.to)?.accept(effect.bytes);
          break;
        case "close":
          this.#attachments.delete(effect.to);
          this.clients.get(effect.to)?.acceptClose(effect.code);
          break;
        case "attach":
          // What does not survive a structured clone would not survive hibernation.
          this.#attachments.set(effect.to, structuredClone(effect.attachment));
          break;
        case "hold":
          this.held++;
          break;
        case "alarm":
          this.alarmAtMs = effect.atMs;
          break;
        case "authenticate":
          this.unanswered.push(effect);
          break;
      }
    }
    if (this.answersAtOnce) this.answer();
    return effects;
  }

  /** The DIdP answers everything that was asked. */
  answer(): void {
    for (let question = this.unanswered[0]; question !== undefined; question = this.unanswered[0]) {
      const { on, token } = question;
      const authority = this.tokens.get(token);
      const introspection: Introspection =
        authority === undefined ? { active: false } : { active: true, authority };
      this.run((broker) => {
        // Only in the turn: until then the open question keeps the object awake.
        this.unanswered.shift();
        return broker.authenticated(on, introspection);
      });
    }
  }

  /** The object sleeps and wakes: memory is lost, sockets and tables stay. */
  evict(): void {
    if (this.unanswered.length > 0) return; // an open question keeps an object awake
    this.broker = this.#newBroker([...this.#attachments.values()]);
    const { evictsAlways } = this;
    this.evictsAlways = false;
    this.run((broker) => broker.wake(this.alarmAtMs));
    this.evictsAlways = evictsAlways;
  }

  /** The process is killed and started again: memory and sockets are lost, tables and the alarm stay. */
  restart(): void {
    for (const client of this.clients.values()) client.isLost = true;
    this.#attachments.clear();
    this.broker = this.#newBroker([]);
    this.run((broker) => broker.wake(this.alarmAtMs));
  }

  /** Time passes; the alarm goes off as often as it is due. */
  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    for (let rings = 0; rings < 1000 && this.alarmAtMs !== undefined && this.alarmAtMs <= endMs; rings++) {
      this.nowMs = Math.max(this.nowMs, this.alarmAtMs);
      this.alarmAtMs = undefined;
      this.run((broker) => broker.alarm());
    }
    this.nowMs = endMs;
  }

  #newBroker(attachments: readonly Attachment[]): Broker {
    return new Broker(
      {
        user,
        store: this.store,
        now: () => this.nowMs,
        random: (bytes) => new Uint8Array(bytes).fill(++this.#lastRandom),
        limits: this.limits,
      },
      attachments,
    );
  }
}

/** One client's end of a socket. */
export class TestClient {
  readonly home: TestHome;
  readonly id: ConnectionId;
  readonly protocolLevel: ProtocolLevel;
  readonly #decoder: Decoder;
  /** Everything that came, in order. */
  readonly received: Packet[] = [];
  /** How many WebSocket messages that was. */
  frames = 0;
  closeCode: number | undefined;
  isLost = false;
  #taken = 0;

  constructor(home: TestHome, id: ConnectionId, protocolLevel: ProtocolLevel) {
    this.home = home;
    this.id = id;
    this.protocolLevel = protocolLevel;
    this.#decoder = new Decoder({ role: "client", protocolLevel, maximumPacketSize: 0x0fff_ffff });
  }

  get isClosed(): boolean {
    return this.closeCode !== undefined;
  }

  send(...packets: Packet[]): void {
    for (const packet of packets) this.sendBytes(encode(packet, this.protocolLevel));
  }

  sendBytes(bytes: Uint8Array): void {
    this.home.run((broker) => broker.receive(this.id, bytes));
  }

  subscribe(topicFilter: string, options: Partial<SubscribeRequest> = {}, properties?: Properties): number {
    this.send(subscribePacket(topicFilter, options, properties));
    const suback = this.received.findLast((packet) => packet.type === "suback");
    return suback?.reasonCodes[0] ?? -1;
  }

  publish(topicName: string, payload: string | Uint8Array, options: Partial<Publish> = {}): void {
    this.send(publishPacket(topicName, payload, options));
  }

  /** The socket closes without DISCONNECT. */
  vanish(): void {
    this.isLost = true;
    this.home.run((broker) => broker.closed(this.id));
  }

  disconnect(reasonCode = 0, properties?: Properties): void {
    this.send({ type: "disconnect", reasonCode, ...(properties && { properties }) });
  }

  /** What came since the last call. */
  take(): Packet[] {
    const news = this.received.slice(this.#taken);
    this.#taken = this.received.length;
    return news;
  }

  /** Topics and payloads of the PUBLISH packets since the last call, as `topic=payload`. */
  takeMessages(): string[] {
    return this.take()
      .filter((packet) => packet.type === "publish")
      .map(({ topicName, payload }) => `${topicName}=${new TextDecoder().decode(payload)}`);
  }

  accept(bytes: Uint8Array): void {
    if (this.isClosed) throw new Error("sent behind the close");
    if (this.isLost) return;
    this.frames++;
    const { packets, failure } = this.#decoder.push(bytes.slice());
    if (failure !== undefined) throw new Error(`the broker sent what cannot be read: ${failure.message}`);
    this.received.push(...packets);
  }

  acceptClose(code: number): void {
    this.closeCode = code;
  }
}

/** An authority as the gateway would hand it over. */
export function authorityOf(kind: Authority["kind"], options: ClientOptions, nowMs: number): Authority {
  return {
    user,
    kind,
    handle: options.handle ?? (kind === "device" ? "dh1" : kind === "app" ? "app1" : "owner1"),
    permissions: options.permissions ?? [["#", ["pub", "sub"]]],
    expiresAtMs: options.expiresAtMs ?? nowMs + 365 * 24 * 3_600_000,
    epoch: options.epoch ?? 1,
  };
}

/** A CONNECT with a client id, a clean start, and no keep alive, but for what `options` say. */
export function connectPacket(options: ClientOptions = {}): Connect {
  const { protocolLevel = 5, token } = options;
  return {
    type: "connect",
    protocolLevel,
    cleanStart: options.cleanStart ?? true,
    keepAliveSeconds: options.keepAliveSeconds ?? 0,
    mqttClientId: options.mqttClientId ?? "client",
    ...(options.will !== undefined && { will: options.will }),
    ...(token !== undefined && { userName: options.userName ?? "Bearer", password: utf8.encode(token) }),
    ...(options.properties !== undefined && { properties: options.properties }),
  };
}

/** A SUBSCRIBE with one filter. */
export function subscribePacket(
  topicFilter: string,
  options: Partial<SubscribeRequest> = {},
  properties?: Properties,
): Packet {
  const request: SubscribeRequest = {
    qos: 0,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
    ...options,
    topicFilter: topicFilter as TopicFilter, // a test's own
  };
  return { type: "subscribe", packetId: 1, subscriptions: [request], ...(properties && { properties }) };
}

/** A PUBLISH; with a packet identifier of 7 if its QoS needs one and none is given. */
export function publishPacket(
  topicName: string,
  payload: string | Uint8Array,
  options: Partial<Publish> = {},
): Publish {
  const qos: QoS = options.qos ?? 0;
  return {
    type: "publish",
    payload: typeof payload === "string" ? utf8.encode(payload) : payload,
    retain: false,
    dup: false,
    ...options,
    qos,
    topicName: topicName as TopicName, // a test's own
    ...(qos > 0 && { packetId: options.packetId ?? 7 }),
  };
}
