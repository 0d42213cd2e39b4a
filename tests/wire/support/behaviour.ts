import { randomBytes } from "node:crypto";
import { describe, test } from "vitest";
import type { Connect, Properties, ProtocolLevel, QoS, TopicName } from "../../../engines/mqtt/packet.ts";
import { str, utf8 } from "./bytes.ts";
import { type CarrierKind, carrierKinds } from "./carrier.ts";
import { Peer } from "./peer.ts";
import { missing, target } from "./target.ts";

/** What a case says about a CONNECT; the rest is a clean start, no will, and user A's token. */
export interface OpenOptions {
  readonly clientId?: string;
  readonly cleanStart?: boolean;
  readonly keepAliveSeconds?: number;
  readonly will?: {
    readonly topic: string;
    readonly payload: string;
    readonly qos?: QoS;
    readonly retain?: boolean;
    readonly properties?: Properties;
  };
  /** 5.0 only; ignored below. */
  readonly properties?: Properties;
  /** What CONNACK says. Default false. */
  readonly sessionPresent?: boolean;
  readonly as?: "A" | "B";
}

/** What a case gets. */
export interface Scene {
  readonly level: ProtocolLevel;
  /** The property list that says nothing: one zero at 5.0, not there below. */
  readonly none: readonly number[];
  /** A topic that no other case uses; `topic("x")` is one below it. */
  readonly topic: (...levels: string[]) => string;
  /** A client id that no other case uses. */
  readonly clientId: string;
  /** A connection on which nothing has been said. */
  dial(): Promise<Peer>;
  /** A client whose CONNECT was accepted. */
  open(options?: OpenOptions): Promise<Peer>;
  /** The CONNECT that `open` sends, to change and send by hand. */
  connect(options?: OpenOptions): Connect;
  /** Subscribes and takes the SUBACK; the QoS is granted as asked. `options` are the bits above the QoS (5.0). */
  subscribe(peer: Peer, filter: string, qos: QoS, options?: number): Promise<void>;
  /** Publishes at QoS 1 and takes the PUBACK: when it returns, the message has gone where it goes. */
  publish(peer: Peer, topic: string, payload: string): Promise<void>;
  /** The same, retained; the case's end removes it. */
  retain(peer: Peer, topic: string, payload: string): Promise<void>;
}

export interface BehaviourOptions {
  /** Default: 3.1.1 and 5.0 alike. */
  readonly levels?: readonly ProtocolLevel[];
  readonly needsTwoUsers?: true;
  /** Default: all carriers. */
  readonly transport?: "ws" | "tcp";
}

const both: readonly ProtocolLevel[] = [4, 5];
const levelNames: Record<ProtocolLevel, string> = { 3: "3.1", 4: "3.1.1", 5: "5.0" };

/**
 * [MQTT-3.1.1:7.0.0-2] The cases use nothing that is not in the specification; a token is a password like any other.
 *
 * Declares one behaviour: `run` is a test for each protocol level over each carrier. It is skipped, and says why,
 * where the environment names no target.
 */
export function behaviour(
  title: string,
  run: (scene: Scene) => Promise<void>,
  options: BehaviourOptions = {},
): void {
  describe(title, () => {
    for (const level of options.levels ?? both) {
      for (const kind of carrierKinds.filter(
        ({ transport }) => transport === (options.transport ?? transport),
      )) {
        const reason = missing(kind.transport, options.needsTwoUsers ?? false);
        const name = `${levelNames[level]} over ${kind.name}`;
        if (reason === undefined) test(name, () => play(level, kind, run));
        else test.skip(`${name} (${reason})`, () => undefined);
      }
    }
  });
}

async function play(
  level: ProtocolLevel,
  kind: CarrierKind,
  run: (scene: Scene) => Promise<void>,
): Promise<void> {
  // Eight bytes: two runs on one platform must not meet in a retained message
  const unique = randomBytes(8).toString("hex");
  const address = (kind.transport === "ws" ? target.ws : target.tcp) ?? "";
  const peers: Peer[] = [];
  const kept = new Map<string, OpenOptions>();
  const retained = new Set<string>();

  const dial = async (): Promise<Peer> => {
    const peer = await Peer.dial(kind, address, level);
    peers.push(peer);
    return peer;
  };
  const connect = (options: OpenOptions = {}): Connect => connectOf(level, unique, peers.length, options);
  const open = async (options: OpenOptions = {}): Promise<Peer> => {
    const peer = await dial();
    const packet = connect(options);
    if (!packet.cleanStart || packet.properties?.sessionExpiryInterval)
      kept.set(packet.mqttClientId, options);
    peer.sendConnect(packet);
    await peer.isAccepted(options.sessionPresent ?? false);
    return peer;
  };
  const none = level === 5 ? [0] : [];
  const publish = async (peer: Peer, topic: string, payload: string, firstByte = 0x32): Promise<void> => {
    peer.send(firstByte, str(topic), [0x7f, 0x01], none, utf8(payload));
    await peer.isAcknowledged("puback", 0x7f01);
  };
  const retain = (peer: Peer, topic: string, payload: string): Promise<void> => {
    retained.add(topic);
    return publish(peer, topic, payload, 0x33);
  };
  try {
    await run({
      level,
      none,
      topic: (...levels) => [target.topicRoot, unique, ...levels].join("/"),
      clientId: `w${unique}`,
      dial,
      open,
      connect,
      subscribe: async (peer, filter, qos, subscriptionOptions = 0) => {
        peer.send(0x82, [0, 1], none, str(filter), qos | subscriptionOptions);
        await peer.receives(0x90, [0, 1], none, qos);
      },
      publish,
      retain,
    });
  } finally {
    for (const peer of peers) peer.cut();
    await forget(kept, open);
    if (retained.size > 0) {
      const peer = await open();
      for (const topic of retained) await publish(peer, topic, "", 0x33);
      peer.cut();
    }
  }
}

/** Sessions that a case left are ended, for a user may have only so many. */
async function forget(kept: ReadonlyMap<string, OpenOptions>, open: Scene["open"]): Promise<void> {
  for (const [clientId, { as }] of [...kept]) {
    const peer = await open({ clientId, ...(as && { as }) });
    await peer.leaves();
  }
}

function connectOf(level: ProtocolLevel, unique: string, number: number, options: OpenOptions): Connect {
  const token = (options.as === "B" ? target.tokenB : target.tokenA) ?? "";
  const { will } = options;
  return {
    type: "connect",
    protocolLevel: level,
    cleanStart: options.cleanStart ?? true,
    keepAliveSeconds: options.keepAliveSeconds ?? 60,
    mqttClientId: options.clientId ?? `w${unique}-${number}`,
    userName: "Bearer",
    password: utf8(token),
    ...(will && {
      will: {
        topicName: will.topic as TopicName, // the case's own, and checked by the server
        payload: utf8(will.payload),
        qos: will.qos ?? 0,
        retain: will.retain ?? false,
        ...(will.properties && { properties: will.properties }),
      },
    }),
    ...(options.properties && level === 5 && { properties: options.properties }),
  };
}
