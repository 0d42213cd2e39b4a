import { describe, expect, test } from "vitest";
import { encode } from "../mqtt/encoder.ts";
import { lasting, publishPacket, type TestClient, TestHome } from "./test-home.ts";

describe("flow control", () => {
  test("no more is in flight than the client's Receive Maximum; an acknowledgement lets the next one go", () => {
    const home = new TestHome();
    const slow = home.client("owner", { properties: { receiveMaximum: 2 } });
    slow.subscribe("a", { qos: 1 });
    const other = home.client("owner", { mqttClientId: "other" });
    for (const value of ["1", "2", "3", "4"]) other.publish("a", value, { qos: 1 });
    expect(slow.takeMessages()).toEqual(["a=1", "a=2"]);
    slow.send({ type: "puback", packetId: 2, reasonCode: 0 });
    expect(slow.takeMessages()).toEqual(["a=3"]);
    slow.send({ type: "puback", packetId: 1, reasonCode: 0 }, { type: "puback", packetId: 3, reasonCode: 0 });
    expect(slow.takeMessages()).toEqual(["a=4"]);
  });

  test("a client that comes back with a smaller Receive Maximum gets its messages again within that", () => {
    const home = new TestHome();
    const first = home.client("owner", lasting);
    first.subscribe("a", { qos: 1 });
    const other = home.client("owner", { mqttClientId: "other" });
    for (const value of ["1", "2", "3"]) other.publish("a", value, { qos: 1 });
    first.vanish();
    const second = home.client("owner", {
      ...lasting,
      properties: { ...lasting.properties, receiveMaximum: 1 },
    });
    expect(second.take()).toMatchObject([{ type: "connack" }, { packetId: 1, dup: true }]);
    home.evict();
    second.send({ type: "puback", packetId: 1, reasonCode: 0 });
    expect(second.take()).toMatchObject([{ packetId: 2, dup: true }]);
    other.publish("a", "4", { qos: 1 });
    second.send({ type: "puback", packetId: 2, reasonCode: 0 });
    expect(second.take()).toMatchObject([{ packetId: 3, dup: true }]);
    second.send({ type: "puback", packetId: 3, reasonCode: 0 });
    expect(second.takeMessages()).toEqual(["a=4"]);
  });

  test("a client that exceeds our Receive Maximum is disconnected with 0x93", () => {
    const home = new TestHome({ receiveMaximum: 3 });
    const witness = home.client("owner", { mqttClientId: "witness" });
    witness.subscribe("a");
    const client = home.client("owner");
    client.take();
    for (let packetId = 1; packetId <= 4; packetId++)
      client.publish("a", `${packetId}`, { qos: 2, packetId });
    expect(client.take().at(-1)).toEqual({ type: "disconnect", reasonCode: 0x93 });
    expect(witness.takeMessages()).toEqual(["a=1", "a=2", "a=3"]);
  });

  test.each([
    ["kept", lasting],
    ["of one connection", { mqttClientId: "fleeting" }],
  ])("in sleep neither side's Receive Maximum begins anew (session %s) [MQTT-3.3.4-9]", (_, options) => {
    const home = new TestHome({ receiveMaximum: 3, unsavedMs: 0 });
    const properties = { ...("properties" in options && options.properties), receiveMaximum: 2 };
    const client = home.client("owner", { ...options, properties });
    client.subscribe("a", { qos: 2 });
    client.take();
    const other = home.client("owner", { mqttClientId: "other" });
    home.evictsAlways = true;
    for (let i = 1; i <= 6; i++) other.publish("a", String(i), { qos: i % 2 === 0 ? 2 : 1, packetId: i });
    for (let packetId = 1; packetId <= 6; packetId++) other.send({ type: "pubrel", packetId, reasonCode: 0 });
    expect(client.takeMessages()).toEqual(["a=1", "a=2"]);
    // The second step of QoS 2 gives no room yet, the last one does.
    client.send({ type: "pubrec", packetId: 2, reasonCode: 0 });
    expect(client.take()).toEqual([{ type: "pubrel", packetId: 2, reasonCode: 0 }]);
    client.send({ type: "pubcomp", packetId: 2, reasonCode: 0 });
    expect(client.takeMessages()).toEqual(["a=3"]);
    client.send({ type: "puback", packetId: 1, reasonCode: 0 });
    expect(client.takeMessages()).toEqual(["a=4"]);
    // Towards us: three open, one of them completed, and one more than is left.
    for (const packetId of [1, 2, 3]) client.publish("b", "x", { qos: 2, packetId });
    client.send({ type: "pubrel", packetId: 2, reasonCode: 0 });
    client.publish("b", "x", { qos: 2, packetId: 4 });
    client.take();
    client.publish("b", "x", { qos: 2, packetId: 5 });
    expect(client.take()).toEqual([{ type: "disconnect", reasonCode: 0x93 }]);
  });

  test("a refusing PUBREC frees the identifier without PUBREL", () => {
    const home = new TestHome();
    const client = home.client("owner", { properties: { receiveMaximum: 1 } });
    client.subscribe("a", { qos: 2 });
    client.publish("a", "1", { qos: 2, packetId: 1 });
    client.publish("a", "2", { qos: 2, packetId: 2 });
    client.take();
    client.send({ type: "pubrec", packetId: 1, reasonCode: 0x97 });
    expect(client.takeMessages()).toEqual(["a=2"]);
  });

  test("acknowledgements of what is not known are answered as the specification says", () => {
    const client = new TestHome().client("owner");
    client.take();
    client.send(
      { type: "puback", packetId: 9, reasonCode: 0 },
      { type: "pubcomp", packetId: 9, reasonCode: 0 },
      { type: "pubrec", packetId: 9, reasonCode: 0 },
      { type: "pubrel", packetId: 9, reasonCode: 0 },
    );
    expect(client.take()).toEqual([
      { type: "pubrel", packetId: 9, reasonCode: 0x92 },
      { type: "pubcomp", packetId: 9, reasonCode: 0x92 },
    ]);
  });
});

test("behind 65,535 packet identifiers begin at 1 again, past one that is in use [MQTT-2.2.1-4] [MQTT-4.3.2-1] [MQTT-3.1.1:2.3.1-4]", () => {
  const home = new TestHome({ messagesPerSecond: 1e9, messageBurst: 1e9 });
  const client = home.client("owner");
  client.subscribe("a", { qos: 1 });
  const publisher = home.client("owner", { mqttClientId: "p" });
  const publish = encode(publishPacket("a", "x", { qos: 1 }), 5);
  const fifty = new Uint8Array(Array.from({ length: 50 }, () => [...publish]).flat());
  publisher.sendBytes(publish); // 1, which is never acknowledged
  client.take();
  let last = 1;
  while (last < 65_500) {
    publisher.sendBytes(fifty);
    const ids = client.take().map((packet) => (packet.type === "publish" ? packet.packetId : undefined));
    client.sendBytes(
      new Uint8Array(ids.flatMap((packetId = 0) => [0x40, 2, packetId >> 8, packetId & 0xff])),
    );
    last = ids.at(-1) ?? 0x1_0000;
  }
  publisher.sendBytes(fifty);
  const ids = client.take().map((packet) => (packet.type === "publish" ? packet.packetId : undefined));
  const most = 65_535 - last;
  expect(ids.slice(most - 1, most + 2)).toEqual([65_535, 2, 3]);
});

describe("QoS 2 towards us across connections", () => {
  const open = (client: TestClient, from: number, to: number) => {
    for (let packetId = from; packetId <= to; packetId++) client.publish("a", "x", { qos: 2, packetId });
  };
  test("Receive Maximum begins anew with each connection, whatever earlier ones left open [MQTT-3.3.4-8]", () => {
    const home = new TestHome({ receiveMaximum: 5 });
    const first = home.client("owner", lasting);
    open(first, 1, 5);
    first.vanish();
    const second = home.client("owner", lasting);
    second.take();
    // It finishes two of the old ones, which gives it no more than it began with.
    for (const packetId of [1, 2]) second.send({ type: "pubrel", packetId, reasonCode: 0 });
    open(second, 11, 15);
    expect(second.take().map((packet) => packet.type)).toEqual([
      ...["pubcomp", "pubcomp"],
      ...Array.from({ length: 5 }, () => "pubrec"),
    ]);
    open(second, 16, 16);
    expect(second.take()).toEqual([{ type: "disconnect", reasonCode: 0x93 }]);
  });

  test.each([4, 5] as const)("what is never finished is bounded (level %i)", (protocolLevel) => {
    const home = new TestHome({ receiveMaximum: 5 });
    let codes: number[] = [];
    for (let connection = 0; connection < 17; connection++) {
      const client = home.client("owner", { ...lasting, protocolLevel });
      open(client, 1 + connection * 5, 5 + connection * 5);
      codes = client.take().flatMap((packet) => (packet.type === "pubrec" ? [packet.reasonCode] : []));
      if (connection < 16) expect([codes.length, Math.max(...codes) < 0x80]).toEqual([5, true]);
      client.vanish();
    }
    expect(codes).toEqual(protocolLevel === 5 ? Array.from({ length: 5 }, () => 0x97) : []);
    expect(home.store.receivedPacketIds(home.store.load().sessions[0]?.id ?? 0)).toHaveLength(80);
  });
});

test("a message that was never acknowledged takes the place of one in the queue, not of all that came after it", () => {
  const home = new TestHome({ queuedMessages: 10 });
  const client = home.client("owner", lasting);
  client.subscribe("a", { qos: 1 });
  const publisher = home.client("owner", { mqttClientId: "p" });
  for (let i = 1; i <= 50; i++) {
    publisher.publish("a", String(i), { qos: 1 });
    if (i > 1) client.send({ type: "puback", packetId: i, reasonCode: 0 });
  }
  client.vanish();
  for (let i = 51; i <= 70; i++) publisher.publish("a", String(i), { qos: 1 });
  const again = home.client("owner", lasting);
  expect(again.takeMessages()).toEqual(["a=1", ...Array.from({ length: 9 }, (_, i) => `a=${51 + i}`)]);
});
