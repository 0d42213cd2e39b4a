import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { Pcm } from "../../../durable-objects/pcm/pcm.ts";
import { authorityOf, type ClientOptions, connectPacket } from "../../../engines/broker/test-home.ts";
import { Decoder } from "../../../engines/mqtt/decoder.ts";
import { encode } from "../../../engines/mqtt/encoder.ts";
import type { Packet, ProtocolLevel } from "../../../engines/mqtt/packet.ts";
import type { Authority, GatewayUserId } from "../../../engines/oauth/authority.ts";
import { issuerTag } from "../../../engines/oauth/issuer-tag.ts";

/** The binding of durable-objects/pcm/wrangler.toml, which the suite runs. */
const namespace = (env as unknown as { PCM: DurableObjectNamespace<Pcm> }).PCM;

/** The shape that packets of one type have; PUBACK and its kin share one. */
type PacketOf<T extends Packet["type"], P = Packet> = P extends Packet
  ? T extends P["type"]
    ? P
    : never
  : never;

/** A user's personal cloud; each test takes another user. */
export function cloudOf(user: string): DurableObjectStub<Pcm> {
  return namespace.get(namespace.idFromName(user));
}

/**
 * What an idle object goes through before the runtime lets it sleep: more than five seconds pass in which its alarm
 * goes off, then its memory is lost and its sockets stay.
 */
export async function fallAsleep(stub: DurableObjectStub<Pcm>): Promise<void> {
  const { now } = Date;
  // The object reads the same clock.
  Date.now = () => now() + 6000;
  try {
    await runDurableObjectAlarm(stub);
  } finally {
    Date.now = now;
  }
  await evictDurableObject(stub);
}

/** An authority for that user, as the gateway puts it into the header. */
export function authority(user: string, kind: Authority["kind"], options: ClientOptions = {}): Authority {
  return { ...authorityOf(kind, options, Date.now()), user: user as GatewayUserId };
}

/**
 * A token that says what is to be answered about it, and by whom: the stand-ins of vitest.config.ts read it.
 * @param answer the authority, or nothing where the one who is asked is out of reach.
 */
export async function tokenOf(
  asked: "edgenym-didp" | "edgenym-gateway",
  answer?: Authority,
): Promise<string> {
  const { DIDP_URI } = env as unknown as { DIDP_URI: string }; // of durable-objects/pcm/wrangler.toml
  const tag = await issuerTag(asked === "edgenym-didp" ? DIDP_URI : "https://didp.elsewhere.example");
  return btoa(JSON.stringify({ asked, authority: answer })) + tag;
}

/** One client's WebSocket into a personal cloud. */
export class WireClient {
  readonly #socket: WebSocket;
  readonly #decoder: Decoder;
  readonly #protocolLevel: ProtocolLevel;
  readonly #arrived: Packet[] = [];
  readonly closed: Promise<number>;
  #awaiting: (() => void) | undefined;
  isClosed = false;

  private constructor(socket: WebSocket, protocolLevel: ProtocolLevel) {
    this.#socket = socket;
    this.#protocolLevel = protocolLevel;
    this.#decoder = new Decoder({ role: "client", protocolLevel, maximumPacketSize: 0x0fff_ffff });
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      // binaryType makes it an ArrayBuffer; a text frame would be a bug of the object's.
      this.#arrived.push(...this.#decoder.push(new Uint8Array(data as ArrayBuffer)).packets);
      this.#awaiting?.();
    });
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code }) => {
        this.isClosed = true;
        this.#awaiting?.();
        resolve(code);
      });
    });
    socket.accept();
  }

  /** Upgrades, and sends CONNECT. */
  static async open(user: string, kind: Authority["kind"], options: ClientOptions = {}): Promise<WireClient> {
    const headers = new Headers({ Upgrade: "websocket", "Sec-WebSocket-Protocol": "mqtt" });
    if (options.token === undefined) {
      headers.set("x-edgenym-authority", JSON.stringify(authority(user, kind, options)));
    }
    const response = await cloudOf(user).fetch("http://pcm/mqtt", { headers });
    if (response.webSocket === null) throw new Error(`no WebSocket: ${response.status}`);
    const client = new WireClient(response.webSocket, options.protocolLevel ?? 5);
    client.send(connectPacket(options));
    return client;
  }

  send(...packets: Packet[]): void {
    for (const packet of packets) this.#socket.send(encode(packet, this.#protocolLevel));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#socket.send(bytes);
  }

  sendText(text: string): void {
    this.#socket.send(text);
  }

  close(): void {
    this.#socket.close(1000);
  }

  /** Takes every packet that is here already. */
  arrived(): Packet[] {
    return this.#arrived.splice(0);
  }

  /** The next packet; `undefined` when the socket closed instead. */
  async next(): Promise<Packet | undefined> {
    while (this.#arrived.length === 0 && !this.isClosed) {
      await new Promise<void>((resolve) => {
        this.#awaiting = resolve;
      });
    }
    return this.#arrived.shift();
  }

  /** The next packet, which must be of this type. */
  async expect<T extends Packet["type"]>(type: T): Promise<PacketOf<T>> {
    const packet = await this.next();
    if (packet?.type !== type) throw new Error(`${packet?.type ?? "a close"} instead of ${type}`);
    return packet as PacketOf<T>; // its type was just compared
  }

  /** The next PUBLISH as `topic=payload`. */
  async message(): Promise<string> {
    const { topicName, payload } = await this.expect("publish");
    return `${topicName}=${new TextDecoder().decode(payload)}`;
  }
}
