import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { publishPacket, subscribePacket } from "../../../engines/broker/test-home.ts";
import type { Packet, Publish } from "../../../engines/mqtt/packet.ts";
import { Random } from "../../../engines/testing/random.ts";
import { cloudOf, fallAsleep, WireClient } from "./cloud.ts";

/** How often the object loses its memory; a long run sets `SOAK_EVICTIONS=1000` in the environment. */
const evictions = Number((env as unknown as { SOAK_EVICTIONS: string }).SOAK_EVICTIONS); // of this suite's own configuration

/** A client of one user that sends again what it has not seen acknowledged, and counts each QoS 2 message once. */
class FaithfulClient {
  readonly #user: string;
  readonly #mqttClientId: string;
  #wire: WireClient | undefined;
  readonly unacknowledged = new Map<number, Publish | "released">();
  readonly acknowledged: string[] = [];
  readonly received: string[] = [];
  readonly #receivedIds = new Set<number>();
  #lastPacketId = 0;

  constructor(user: string, mqttClientId: string) {
    this.#user = user;
    this.#mqttClientId = mqttClientId;
  }

  async wire(): Promise<WireClient> {
    if (this.#wire !== undefined && !this.#wire.isClosed) return this.#wire;
    const wire = await WireClient.open(this.#user, "owner", {
      mqttClientId: this.#mqttClientId,
      cleanStart: false,
      properties: { sessionExpiryInterval: 100_000 },
    });
    await wire.expect("connack");
    this.#wire = wire;
    for (const [packetId, state] of this.unacknowledged) {
      wire.send(state === "released" ? { type: "pubrel", packetId, reasonCode: 0 } : { ...state, dup: true });
    }
    return wire;
  }

  async publish(payload: string, qos: 1 | 2): Promise<void> {
    do this.#lastPacketId = (this.#lastPacketId % 60) + 1;
    while (this.unacknowledged.has(this.#lastPacketId));
    const wire = await this.wire();
    const message = publishPacket("t", payload, { qos, packetId: this.#lastPacketId });
    this.unacknowledged.set(this.#lastPacketId, message);
    wire.send(message);
  }

  /** Answers what is here, or what comes until `isDone`. */
  async read(isDone: () => boolean): Promise<void> {
    const wire = await this.wire();
    while (!isDone()) {
      const packet = await wire.next();
      if (packet === undefined) return;
      this.#handle(wire, packet);
    }
  }

  /** Answers what has arrived, and waits for nothing. */
  async drain(): Promise<void> {
    const wire = await this.wire();
    for (const packet of wire.arrived()) this.#handle(wire, packet);
  }

  async vanish(): Promise<void> {
    this.#wire?.close();
    await this.#wire?.closed;
  }

  #handle(wire: WireClient, packet: Packet): void {
    switch (packet.type) {
      case "publish":
        this.#receive(wire, packet);
        return;
      case "pubrel":
        this.#receivedIds.delete(packet.packetId);
        wire.send({ type: "pubcomp", packetId: packet.packetId, reasonCode: 0 });
        return;
      case "puback":
      case "pubrec": {
        const message = this.unacknowledged.get(packet.packetId);
        if (message !== undefined && message !== "released") this.acknowledged.push(text(message));
        if (packet.type === "puback") this.unacknowledged.delete(packet.packetId);
        else {
          this.unacknowledged.set(packet.packetId, "released");
          wire.send({ type: "pubrel", packetId: packet.packetId, reasonCode: 0 });
        }
        return;
      }
      case "pubcomp":
        this.unacknowledged.delete(packet.packetId);
        return;
      default:
        return;
    }
  }

  #receive(wire: WireClient, packet: Publish): void {
    const { packetId = 0, qos } = packet;
    if (qos !== 2 || !this.#receivedIds.has(packetId)) this.received.push(`${text(packet)}`);
    if (qos === 2) this.#receivedIds.add(packetId);
    wire.send({ type: qos === 2 ? "pubrec" : "puback", packetId, reasonCode: 0 });
  }
}

function text({ payload }: Publish): string {
  return new TextDecoder().decode(payload);
}

test(`over ${evictions} losses of memory nothing acknowledged is lost, and QoS 2 arrives once`, async () => {
  const seed = 0x50a4;
  const random = new Random(seed);
  const user = "soak";
  const stub = cloudOf(user);
  const sender = new FaithfulClient(user, "sender");
  const receiver = new FaithfulClient(user, "receiver");
  (await receiver.wire()).send(subscribePacket("t", { qos: 2 }));
  let sent = 0;
  for (let lost = 0; lost < evictions; lost++) {
    const burst = random.int(4);
    for (let i = 0; i < burst; i++) {
      const qos = random.pick([1, 2] as const);
      await sender.publish(`${++sent}/${qos}`, qos);
    }
    for (const client of [sender, receiver]) if (random.chance(70)) await client.drain();
    if (random.chance(10)) await random.pick([sender, receiver]).vanish();
    // A restart takes the sockets too; sleeping leaves them.
    const isRestart = random.chance(20);
    // A call first: an object that already sleeps cannot be evicted.
    await stub.devices();
    if (isRestart) await evictDurableObject(stub, { webSockets: "close" });
    else await fallAsleep(stub);
    if (sender.unacknowledged.size > 40) await sender.read(() => sender.unacknowledged.size === 0);
  }
  await sender.read(() => sender.unacknowledged.size === 0);
  const isComplete = () => sender.acknowledged.every((payload) => receiver.received.includes(payload));
  await receiver.read(isComplete);
  const exactlyOnce = receiver.received.filter((payload) => payload.endsWith("/2"));
  expect(exactlyOnce).toEqual([...new Set(exactlyOnce)]);
  expect(new Set(sender.acknowledged).size).toBe(sent);
}, 600_000);
