import { describe, expect, test } from "vitest";
import type { TopicFilter } from "../mqtt/packet.ts";
import { stateWill, TestHome } from "./test-home.ts";

describe("the client's Maximum Packet Size", () => {
  test("a message above the client's Maximum Packet Size is dropped for it and only for it", () => {
    const home = new TestHome();
    const small = home.client("owner", { mqttClientId: "small", properties: { maximumPacketSize: 60 } });
    const large = home.client("owner", { mqttClientId: "large" });
    for (const client of [small, large]) client.subscribe("a", { qos: 1 });
    for (const client of [small, large]) client.take();
    large.publish("a", new Uint8Array(100), { qos: 1 });
    large.publish("a", "fits", { qos: 1 });
    expect(small.takeMessages()).toEqual(["a=fits"]);
    expect(large.take().filter(({ type }) => type === "publish")).toHaveLength(2);
  });

  test("a client that takes no packet of CONNACK's size is let go without one", () => {
    const home = new TestHome();
    const witness = home.client("owner", { mqttClientId: "witness" });
    witness.subscribe("devices/#");
    const client = home.client("device", { properties: { maximumPacketSize: 5 }, will: stateWill("lost") });
    expect([client.take(), client.isClosed, witness.takeMessages()]).toEqual([[], true, []]);
  });

  test("gets a message that an alias would have made too large without one", () => {
    const home = new TestHome();
    const size = 60;
    const properties = { topicAliasMaximum: 10, maximumPacketSize: size };
    const client = home.client("owner", { properties });
    client.subscribe("a", { qos: 1 });
    const publisher = home.client("owner", { mqttClientId: "p" });
    // Fixed header 2, topic 3, identifier 2, properties 1, and the rest: just the maximum.
    const payload = "x".repeat(size - 8);
    publisher.publish("a", payload, { qos: 1 });
    publisher.publish("a", `${payload}x`, { qos: 1 });
    publisher.publish("a", "short", { qos: 1 });
    publisher.publish("a", payload, { qos: 1 });
    const got = client.take().flatMap((packet) => (packet.type === "publish" ? [packet] : []));
    expect(got.map((packet) => [packet.payload.byteLength, packet.properties?.topicAlias])).toEqual([
      [payload.length, undefined],
      [5, 1],
      [payload.length, undefined],
    ]);
  });

  test("and asks for more in one packet than it takes an answer to, is told so", () => {
    const client = new TestHome().client("owner", { properties: { maximumPacketSize: 60 } });
    client.take();
    const topicFilters = Array.from({ length: 100 }, (_, i) => `t/${i}` as TopicFilter);
    client.send({ type: "unsubscribe", packetId: 1, topicFilters });
    expect(client.take()).toEqual([{ type: "disconnect", reasonCode: 0x95 }]);
  });
});

describe("our Maximum Packet Size", () => {
  test("a packet of just the maximum reaches a subscriber in whose names it is longer", () => {
    const home = new TestHome({ maximumPacketBytes: 1000 });
    const owner = home.client("owner");
    owner.subscribe("devices/#");
    owner.take();
    const device = home.client("device");
    device.publish("t", new Uint8Array(1000 - 7));
    expect(device.isClosed).toBe(false);
    expect(owner.take()).toMatchObject([{ type: "publish", topicName: "devices/dh1/t" }]);
    device.publish("t", new Uint8Array(1000 - 6));
    expect(device.isClosed).toBe(true);
  });

  test("a packet above the maximum closes with 0x95 before its body is there", () => {
    const home = new TestHome({ maximumPacketBytes: 1000 });
    const client = home.client("owner");
    client.take();
    client.sendBytes(new Uint8Array([0x30, 0xff, 0xff, 0xff, 0x7f]));
    expect(client.take()).toMatchObject([{ type: "disconnect", reasonCode: 0x95 }]);
    expect(client.closeCode).toBe(1009);
  });

  test("a topic that would be too long in a subscriber's names does not reach it, and harms nobody", () => {
    const home = new TestHome();
    const device = home.client("device");
    const owner = home.client("owner");
    owner.subscribe("#");
    device.subscribe("#");
    owner.take();
    device.take();
    const longest = "t".repeat(65_535);
    device.publish(longest, "x", { qos: 1, retain: true });
    expect(device.take()).toMatchObject([{ type: "puback" }, { type: "publish", topicName: longest }]);
    owner.subscribe("devices/#");
    expect(owner.takeMessages()).toEqual([]);
    expect(owner.isClosed).toBe(false);
  });
});
