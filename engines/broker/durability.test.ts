import { describe, expect, test } from "vitest";
import type { Packet, Publish } from "../mqtt/packet.ts";
import { Random } from "../testing/random.ts";
import { publishPacket, type TestClient, TestHome } from "./test-home.ts";

const seeds = Array.from({ length: 100 }, (_, index) => 0xd15c + index);
const lasting = { cleanStart: false, properties: { sessionExpiryInterval: 100_000 } };

/**
 * A client that keeps to the protocol across reconnects: what it has not seen acknowledged it sends again, and a
 * QoS 2 message that it has received it counts once (MQTT 5.0 §4.3, §4.4).
 */
class FaithfulClient {
  readonly home: TestHome;
  readonly mqttClientId: string;
  #socket: TestClient | undefined;
  #taken = 0;
  /** Sent, not acknowledged: payload and QoS, or `pubrel` once PUBREC came. */
  readonly unacknowledged = new Map<number, Publish | "pubrel">();
  readonly acknowledged: string[] = [];
  readonly #receivedIds = new Set<number>();
  readonly received: string[] = [];
  #lastPacketId = 0;

  constructor(home: TestHome, mqttClientId: string) {
    this.home = home;
    this.mqttClientId = mqttClientId;
  }

  get isConnected(): boolean {
    return this.#socket !== undefined && !this.#socket.isClosed && !this.#socket.isLost;
  }

  connect(): TestClient {
    this.#socket = this.home.client("owner", { ...lasting, mqttClientId: this.mqttClientId });
    this.#taken = 0;
    for (const [packetId, state] of this.unacknowledged) {
      this.#socket.send(
        state === "pubrel" ? { type: "pubrel", packetId, reasonCode: 0 } : { ...state, dup: true },
      );
    }
    return this.#socket;
  }

  publish(payload: string, qos: 1 | 2): void {
    if (this.unacknowledged.size >= 10) return;
    do this.#lastPacketId = (this.#lastPacketId % 30) + 1;
    while (this.unacknowledged.has(this.#lastPacketId));
    const message = publishPacket("t", payload, { qos, packetId: this.#lastPacketId });
    this.unacknowledged.set(this.#lastPacketId, message);
    this.#socket?.send(message);
  }

  /** Reads and answers up to `count` packets. */
  read(count: number): void {
    const socket = this.#socket;
    for (let i = 0; i < count && socket !== undefined && this.isConnected; i++) {
      const packet = socket.received[this.#taken];
      if (packet === undefined) return;
      this.#taken++;
      this.#handle(socket, packet);
    }
  }

  vanish(): void {
    if (this.isConnected) this.#socket?.vanish();
    this.#socket = undefined;
  }

  #handle(socket: TestClient, packet: Packet): void {
    if (packet.type === "publish") this.#receive(socket, packet);
    if (packet.type === "pubrel") {
      this.#receivedIds.delete(packet.packetId);
      socket.send({ type: "pubcomp", packetId: packet.packetId, reasonCode: 0 });
    }
    if (packet.type === "puback" || packet.type === "pubcomp") {
      const message = this.unacknowledged.get(packet.packetId);
      this.unacknowledged.delete(packet.packetId);
      if (message !== undefined && message !== "pubrel") this.acknowledged.push(text(message));
    }
    if (packet.type === "pubrec") {
      const message = this.unacknowledged.get(packet.packetId);
      if (message !== undefined && message !== "pubrel") this.acknowledged.push(text(message));
      this.unacknowledged.set(packet.packetId, "pubrel");
      socket.send({ type: "pubrel", packetId: packet.packetId, reasonCode: 0 });
    }
  }

  #receive(socket: TestClient, packet: Publish): void {
    const { packetId = 0, qos } = packet;
    const isNew = qos !== 2 || !this.#receivedIds.has(packetId);
    if (isNew) this.received.push(text(packet));
    if (qos === 2) this.#receivedIds.add(packetId);
    socket.send({ type: qos === 2 ? "pubrec" : "puback", packetId, reasonCode: 0 });
  }
}

function text({ payload }: Publish): string {
  return new TextDecoder().decode(payload);
}

describe("what was acknowledged", () => {
  test.each(seeds)(
    "arrives, at QoS 2 once and in order, whatever is killed and evicted (seed %i)",
    (seed) => {
      const random = new Random(seed);
      const home = new TestHome({ queuedMessages: 10_000 });
      const sender = new FaithfulClient(home, "sender");
      const receiver = new FaithfulClient(home, "receiver");
      receiver.connect().subscribe("t", { qos: 2 });
      for (let step = 0; step < 400; step++) {
        const action = random.int(100);
        if (action < 3) home.restart();
        else if (action < 8) home.evict();
        else if (action < 12) random.pick([sender, receiver]).vanish();
        const client = random.pick([sender, receiver]);
        if (!client.isConnected) client.connect();
        else if (client === sender && random.chance(60))
          sender.publish(`${seed}-${step}`, random.pick([1, 2]));
        else client.read(random.int(5));
      }
      // Everything that is still under way comes to its end.
      for (const client of [sender, receiver, sender, receiver]) {
        if (!client.isConnected) client.connect();
        client.read(10_000);
      }
      expect(sender.acknowledged.length).toBeGreaterThan(20);
      const atMostOnce = new Set(receiver.received);
      expect(sender.acknowledged.filter((payload) => !atMostOnce.has(payload))).toEqual([]);
      expect(home.store.load().sessions.flatMap(({ id }) => home.store.deliveries(id))).toEqual([]);
    },
  );

  test.each(seeds)("at QoS 2 is never delivered twice (seed %i)", (seed) => {
    const random = new Random(seed);
    const home = new TestHome({ queuedMessages: 10_000 });
    const sender = new FaithfulClient(home, "sender");
    const receiver = new FaithfulClient(home, "receiver");
    receiver.connect().subscribe("t", { qos: 2 });
    for (let step = 0; step < 300; step++) {
      if (random.chance(4)) home.restart();
      if (random.chance(4)) random.pick([sender, receiver]).vanish();
      const client = random.pick([sender, receiver]);
      if (!client.isConnected) client.connect();
      else if (client === sender && random.chance(60)) sender.publish(String(step), 2);
      else client.read(random.int(5));
    }
    for (const client of [sender, receiver, sender, receiver]) {
      if (!client.isConnected) client.connect();
      client.read(10_000);
    }
    const inOrder = [...receiver.received].sort((a, b) => Number(a) - Number(b));
    expect(receiver.received).toEqual([...new Set(inOrder)]);
    expect(receiver.received.length).toBeGreaterThan(10);
  });
});
