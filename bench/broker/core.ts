import { Broker } from "../../engines/broker/broker.ts";
import type { Effect } from "../../engines/broker/effect.ts";
import { defaultLimits } from "../../engines/broker/limits.ts";
import { MemoryStore } from "../../engines/broker/memory-store.ts";
import { encode } from "../../engines/mqtt/encoder.ts";
import type { Packet, QoS, TopicFilter, TopicName } from "../../engines/mqtt/packet.ts";
import type { Authority, DeviceHandle, GatewayUserId } from "../../engines/oauth/authority.ts";
import { report } from "../support/statistics.ts";

/**
 * What does the broker core cost by itself, in plain Node, without sockets or disk? And what does it write: each
 * store operation is a row that is billed. `node --cpu-prof bench/broker/core.ts` says where the time goes.
 */
const isSmoke = process.argv.includes("--smoke");
const seconds = isSmoke ? 0.05 : 1;
const user = "bench" as GatewayUserId; // any text is one
const nowMs = 1_700_000_000_000;

/** A broker with one publisher and some subscribers, which acknowledge whatever they get. */
class Home {
  readonly store = new MemoryStore();
  readonly broker = new Broker({
    user,
    store: this.store,
    now: () => nowMs,
    random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    limits: { ...defaultLimits, messagesPerSecond: 1e9, messageBurst: 1e9, unheardBytes: 1e15 },
  });
  #last = 0;
  #packetId = 0;

  constructor() {
    this.broker.addDevice({
      handle: "device" as DeviceHandle,
      name: "bench",
      model: { title: "Bench", properties: {}, actions: {} },
    });
  }

  open(isKept: boolean): number {
    const id = ++this.#last;
    const authority: Authority = {
      user,
      kind: "device",
      handle: "device",
      permissions: [["#", ["pub", "sub"]]],
      expiresAtMs: Number.MAX_SAFE_INTEGER,
      epoch: 1,
    };
    this.broker.open(id, authority);
    this.say(id, {
      type: "connect",
      protocolLevel: 4,
      cleanStart: !isKept,
      keepAliveSeconds: 0,
      mqttClientId: `c${id}`,
    });
    return id;
  }

  say(id: number, packet: Packet): Effect[] {
    return this.broker.receive(id, encode(packet, 4));
  }

  subscribe(id: number, topicFilter: string, qos: QoS): void {
    const filter = topicFilter as TopicFilter; // written here
    const subscription = {
      topicFilter: filter,
      qos,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0,
    } as const;
    this.say(id, { type: "subscribe", packetId: 1, subscriptions: [subscription] });
  }

  /** One message from its PUBLISH to the last acknowledgement. */
  message(from: number, bytes: Uint8Array, qos: QoS): void {
    if (qos > 0) {
      this.#packetId = (this.#packetId % 65_535) + 1;
      new DataView(bytes.buffer, bytes.byteOffset).setUint16(packetIdAt, this.#packetId);
    }
    let effects = this.broker.receive(from, bytes);
    if (qos === 0) return;
    const packetId = this.#packetId;
    if (qos === 2) this.say(from, { type: "pubrel", packetId, reasonCode: 0 });
    for (const effect of effects) {
      if (effect.kind !== "send" || effect.to === from) continue;
      const id = packetIdOf(effect.bytes);
      if (qos === 1) this.say(effect.to, { type: "puback", packetId: id, reasonCode: 0 });
      else {
        effects = this.say(effect.to, { type: "pubrec", packetId: id, reasonCode: 0 });
        this.say(effect.to, { type: "pubcomp", packetId: id, reasonCode: 0 });
      }
    }
  }
}

const topicName = "telemetry/bench";
const packetIdAt = 2 + 2 + topicName.length;

function packetIdOf(publish: Uint8Array): number {
  const at = 4 + new DataView(publish.buffer, publish.byteOffset).getUint16(2);
  return new DataView(publish.buffer, publish.byteOffset).getUint16(at);
}

function publishBytes(qos: QoS, retain: boolean): Uint8Array {
  return encode(
    {
      type: "publish",
      topicName: topicName as TopicName, // no wildcard in it
      payload: new Uint8Array(64),
      qos,
      retain,
      dup: false,
      ...(qos > 0 && { packetId: 1 }),
    },
    4,
  ).slice();
}

for (const [qos, subscribers, isKept, retain] of [
  [0, 1, false, false],
  [0, 8, false, false],
  [0, 100, false, false],
  [0, 1, false, true],
  [1, 1, false, false],
  [1, 1, true, false],
  [2, 1, false, false],
  [2, 1, true, false],
] as const) {
  const home = new Home();
  const publisher = home.open(false);
  for (let index = 0; index < subscribers; index += 1) home.subscribe(home.open(isKept), topicName, qos);
  const bytes = publishBytes(qos, retain);
  const run = (forSeconds: number) => {
    const endsAt = performance.now() + forSeconds * 1000;
    let done = 0;
    let written = 0;
    for (; performance.now() < endsAt; done += 1) {
      home.message(publisher, bytes, qos);
      written += home.store.written.splice(0).length;
    }
    return { done, written };
  };
  run(seconds / 2);
  const startedAt = performance.now();
  const { done, written } = run(seconds);
  const elapsedMs = performance.now() - startedAt;
  report({
    name: "broker.core",
    qos,
    subscribers,
    session: isKept ? "kept" : "clean",
    retained: retain ? 1 : 0,
    rate: done / (elapsedMs / 1000),
    us_per_message: (elapsedMs * 1000) / done,
    rows_per_message: written / done,
    n: done,
  });
}

/** Waking: everything in memory is made again from the store. */
for (const [what, count] of [
  ["subscriptions", 0],
  ["subscriptions", 1000],
  ["sessions", 100],
] as const) {
  const home = new Home();
  if (what === "sessions")
    for (let index = 0; index < count; index += 1) home.subscribe(home.open(true), `a/${index}`, 1);
  else {
    const client = home.open(true);
    for (let index = 0; index < count; index += 1) home.subscribe(client, `a/${index}/+`, 1);
  }
  const ports = {
    user,
    store: home.store,
    now: Date.now,
    limits: defaultLimits,
    random: (n: number) => new Uint8Array(n),
  };
  const times = isSmoke ? 5 : 200;
  for (let index = 0; index < times; index += 1) new Broker(ports);
  const startedAt = performance.now();
  for (let index = 0; index < times; index += 1) new Broker(ports);
  report({
    name: "broker.core.wake",
    of: what,
    count,
    us: ((performance.now() - startedAt) * 1000) / times,
    n: times,
  });
}

/** The n-th subscription of one session: the whole session is written again each time. */
{
  const home = new Home();
  const client = home.open(true);
  const each = isSmoke ? 50 : 300;
  for (const upTo of [each, 2 * each, 3 * each]) {
    const startedAt = performance.now();
    for (let index = upTo - each; index < upTo; index += 1) home.subscribe(client, `b/${index}/+`, 1);
    const us = ((performance.now() - startedAt) * 1000) / each;
    report({ name: "broker.core.subscribe", count: upTo, us, n: each });
  }
}
