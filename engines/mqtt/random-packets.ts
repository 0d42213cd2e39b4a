import { below, seeded } from "../testing/random.ts";
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
  UserProperty,
  Will,
} from "./packet.ts";
import { type PropertyHolder, properties as propertyTable } from "./properties.ts";
import { isReasonCodeAllowed, type Sender } from "./reason-code.ts";

/**
 * Random well-formed packets for tests: any packet of any level, with any of the properties it may hold.
 * The same seed gives the same packets.
 */
export class RandomPackets {
  readonly #next: () => number;

  /** @param seed any 32-bit number; print it, so that a failure can be run again. */
  constructor(seed: number) {
    this.#next = seeded(seed);
  }

  /** 0 ≤ result < `limit`, a whole number. */
  below(limit: number): number {
    return below(this.#next, limit);
  }

  chance(): boolean {
    return this.below(2) === 0;
  }

  /** A packet that `sender` may send at `level`. */
  packet(level: ProtocolLevel, sender: Sender): Packet {
    const types = packetTypes[sender].filter((type) => type !== "auth" || level === 5);
    const type = pick(this, types);
    switch (type) {
      case "connect":
        return this.connect(level);
      case "publish":
        return this.publish(level, sender);
      case "connack":
        return this.#with(level, type, sender, { type, ...this.#connackCode(level) });
      case "puback":
      case "pubrec":
      case "pubrel":
      case "pubcomp":
        return this.#with(level, type, sender, {
          type,
          packetId: this.packetId(),
          reasonCode: this.#code(level, type, sender),
        });
      case "subscribe":
        return this.#with(level, type, sender, {
          type,
          packetId: this.packetId(),
          subscriptions: this.#list(() => this.#request(level)),
        });
      case "suback":
        return this.#with(level, type, sender, {
          type,
          packetId: this.packetId(),
          reasonCodes: this.#list(() => this.#subackCode(level)),
        });
      case "unsubscribe":
        return this.#with(level, type, sender, {
          type,
          packetId: this.packetId(),
          topicFilters: this.#list(() => this.topicFilter()),
        });
      case "unsuback": {
        const reasonCodes = level === 5 ? this.#list(() => this.#code(5, type, sender)) : [];
        return this.#with(level, type, sender, { type, packetId: this.packetId(), reasonCodes });
      }
      case "disconnect":
        return this.#with(level, type, sender, { type, reasonCode: this.#code(level, type, sender) });
      case "auth": {
        const properties = { ...this.properties(type, sender), authenticationMethod: this.string(8) };
        return { type, reasonCode: this.#code(level, type, sender), properties };
      }
      case "pingreq":
      case "pingresp":
        return { type };
    }
  }

  /** One to four accidents: a bit, a byte, a cut, an insertion, a repetition. */
  mutated(original: Uint8Array): Uint8Array {
    let bytes = [...original];
    for (let left = 1 + this.below(4); left > 0; left--) {
      // The front is where the structure is
      const at = this.below(this.chance() ? Math.min(bytes.length, 24) : bytes.length);
      switch (this.below(5)) {
        case 0:
          bytes[at] = (bytes[at] ?? 0) ^ (1 << this.below(8));
          break;
        case 1:
          bytes[at] = this.below(256);
          break;
        case 2:
          bytes = bytes.slice(0, at + 1);
          break;
        case 3:
          bytes.splice(at, 0, this.below(256));
          break;
        default:
          bytes = [...bytes, ...original];
      }
    }
    return Uint8Array.from(bytes);
  }

  connect(level: ProtocolLevel): Connect {
    const cleanStart = this.chance();
    const userName = this.chance() ? this.string(20) : undefined;
    const base: Connect = {
      type: "connect",
      protocolLevel: level,
      cleanStart,
      keepAliveSeconds: this.below(65_536),
      // 3.1 wants a client id, 3.1.1 wants one unless the session is clean
      mqttClientId: cleanStart && level > 3 ? this.string(23) : `c${this.string(22)}`,
      ...(this.chance() && { will: this.#will(level) }),
      ...(userName !== undefined && { userName }),
      ...(userName !== undefined && this.chance() && { password: this.bytes(30) }),
    };
    return this.#with(level, "connect", "client", base);
  }

  publish(level: ProtocolLevel, sender: Sender): Publish {
    const qos = this.#qos();
    const base: Publish = {
      type: "publish",
      topicName: this.topicName(),
      payload: this.bytes(this.below(10) === 0 ? 20_000 : 60),
      qos,
      retain: this.chance(),
      dup: qos > 0 && this.chance(),
      ...(qos > 0 && { packetId: this.packetId() }),
    };
    return this.#with(level, "publish", sender, base);
  }

  packetId(): number {
    return 1 + this.below(65_535);
  }

  bytes(limit: number): Uint8Array {
    return Uint8Array.from({ length: this.below(limit) }, () => this.below(256));
  }

  string(limit: number): string {
    return Array.from({ length: this.below(limit) }, () => pick(this, characters)).join("");
  }

  topicName(): TopicName {
    const levels = Array.from({ length: 1 + this.below(5) }, () => this.string(12));
    return brandName(levels.join("/") || "/");
  }

  topicFilter(): TopicFilter {
    const levels = Array.from({ length: 1 + this.below(5) }, () =>
      this.below(4) === 0 ? "+" : this.string(12),
    );
    if (this.below(4) === 0) levels.push("#");
    return brandFilter(levels.join("/") || "#");
  }

  /** Any of the properties that may stand there, each with a chance of a half. */
  properties(holder: PropertyHolder, sender: Sender): Properties {
    const list: Record<string, unknown> = {};
    for (const { name, type, holders, maximum, isNonZero } of propertyTable) {
      if (!holders.has(holder) || this.chance() || !maySend(name, holder, sender)) continue;
      if (name === "userProperties") list[name] = this.#userProperties();
      else if (name === "subscriptionIdentifiers") list[name] = this.#identifiers(holder);
      else if (name === "responseTopic") list[name] = this.topicName();
      else if (type === "string") list[name] = this.string(20);
      else if (type === "binary") list[name] = this.bytes(20);
      else {
        const limit = maximum !== undefined ? maximum + 1 : type === "uint16" ? 65_536 : 4_294_967_296;
        const least = isNonZero || name === "topicAlias" ? 1 : 0;
        list[name] = least + this.below(limit - least);
      }
    }
    if (list.authenticationData !== undefined) list.authenticationMethod = this.string(10);
    // Every value was made by the type of its row
    return list as Properties;
  }

  #with<T extends Packet>(level: ProtocolLevel, holder: PropertyHolder, sender: Sender, packet: T): T {
    if (level !== 5) return packet;
    const properties = this.properties(holder, sender);
    return Object.keys(properties).length === 0 ? packet : { ...packet, properties };
  }

  #will(level: ProtocolLevel): Will {
    const will: Will = {
      topicName: this.topicName(),
      payload: this.bytes(40),
      qos: this.#qos(),
      retain: this.chance(),
    };
    if (level !== 5) return will;
    const properties = this.properties("will", "client");
    return Object.keys(properties).length === 0 ? will : { ...will, properties };
  }

  #request(level: ProtocolLevel): SubscribeRequest {
    const isVersion5 = level === 5;
    return {
      topicFilter: this.topicFilter(),
      qos: this.#qos(),
      noLocal: isVersion5 && this.chance(),
      retainAsPublished: isVersion5 && this.chance(),
      retainHandling: isVersion5 ? this.#qos() : 0,
    };
  }

  #userProperties(): UserProperty[] {
    // Grouped by name, for mqtt-packet keeps an object of lists
    const values = () => Array.from({ length: 1 + this.below(3) }, () => `v${this.string(8)}`);
    return ["a", "b"].flatMap((name) => values().map((value): UserProperty => [name, value]));
  }

  #identifiers(holder: PropertyHolder): number[] {
    const count = holder === "publish" ? 1 + this.below(3) : 1;
    return Array.from({ length: count }, () => 1 + this.below(this.chance() ? 200 : 268_435_455));
  }

  #qos(): QoS {
    return pick(this, [0, 1, 2]);
  }

  #list<T>(make: () => T): T[] {
    return Array.from({ length: 1 + this.below(4) }, make);
  }

  #code(level: ProtocolLevel, type: Parameters<typeof isReasonCodeAllowed>[0], sender: Sender): number {
    if (level !== 5) return 0;
    for (;;) {
      const code = this.below(256);
      if (isReasonCodeAllowed(type, code, sender)) return code;
    }
  }

  #connackCode(level: ProtocolLevel): { sessionPresent: boolean; reasonCode: number } {
    const reasonCode = level === 5 ? this.#code(5, "connack", "server") : this.below(6);
    return { sessionPresent: reasonCode === 0 && level !== 3 && this.chance(), reasonCode };
  }

  #subackCode(level: ProtocolLevel): number {
    return level === 5 ? this.#code(5, "suback", "server") : pick(this, [0, 1, 2, 0x80]);
  }
}

const packetTypes = {
  client: [
    "connect",
    "publish",
    "publish",
    "puback",
    "pubrec",
    "pubrel",
    "pubcomp",
    "subscribe",
    "unsubscribe",
    "pingreq",
    "disconnect",
    "auth",
  ],
  server: [
    "connack",
    "publish",
    "publish",
    "puback",
    "pubrec",
    "pubrel",
    "pubcomp",
    "suback",
    "unsuback",
    "pingresp",
    "disconnect",
    "auth",
  ],
} as const satisfies Record<Sender, readonly Packet["type"][]>;

const characters = [..."abcdefghijklmnopqrstuvwxyzABC0123456789 -_.$/é€漢😀\uFEFF"];

function pick<T>(random: RandomPackets, list: readonly T[]): T {
  // `below` stays inside the list
  return list[random.below(list.length)] as T;
}

/** What the specification lets only one side send (MQTT 5.0 §3.3.4, §3.14.2.2.2). */
function maySend(name: keyof Properties, holder: PropertyHolder, sender: Sender): boolean {
  if (name === "subscriptionIdentifiers" && holder === "publish") return sender === "server";
  if (name === "sessionExpiryInterval" && holder === "disconnect") return sender === "client";
  return true;
}

// The characters above hold no wildcard and no NUL, and the joins put `+` and `#` on levels of their own.
const brandName = (text: string): TopicName => text as TopicName;
const brandFilter = (text: string): TopicFilter => text as TopicFilter;
