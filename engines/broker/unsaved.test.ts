import { describe, expect, test } from "vitest";
import { encode } from "../mqtt/encoder.ts";
import { publishPacket, TestHome } from "./test-home.ts";

describe("the start of a packet", () => {
  const large = encode(publishPacket("a", new Uint8Array(50_000).fill(0x78)), 5);

  test("survives sleep, however the bytes come", () => {
    const home = new TestHome();
    home.evictsAlways = true;
    const client = home.client("owner");
    client.subscribe("a");
    for (const byte of encode(publishPacket("a", "x".repeat(300)), 5)) client.sendBytes(Uint8Array.of(byte));
    expect(client.takeMessages()).toEqual([`a=${"x".repeat(300)}`]);
  });

  test("is written once when it is large, and not with every piece", () => {
    const home = new TestHome();
    const client = home.client("owner");
    client.subscribe("a");
    client.take();
    let attached = 0;
    const run = home.run.bind(home);
    home.run = (turn) => {
      const effects = run(turn);
      for (const effect of effects) {
        if (effect.kind === "attach") attached += effect.attachment.pending?.byteLength ?? 0;
      }
      return effects;
    };
    for (let at = 0; at < 40_000; at += 100) client.sendBytes(large.subarray(at, at + 100));
    expect(attached).toBeLessThan(10_000);
    home.pass(6000);
    expect(attached).toBeGreaterThan(40_000);
    home.evict();
    client.sendBytes(large.subarray(40_000));
    expect(client.take()).toMatchObject([{ type: "publish", topicName: "a" }]);
    home.evict();
    client.publish("a", "next");
    expect(client.takeMessages()).toEqual(["a=next"]);
  });
});

describe("the attachment of a busy connection", () => {
  test("is not written with every message, and is right before the object may sleep", () => {
    const home = new TestHome();
    const reader = home.client("owner", { mqttClientId: "reader" });
    reader.subscribe("a", { qos: 2 });
    const writer = home.client("owner", { mqttClientId: "writer" });
    reader.take();
    let attached = 0;
    const run = home.run.bind(home);
    home.run = (turn) => {
      const effects = run(turn);
      attached += effects.filter(({ kind }) => kind === "attach").length;
      return effects;
    };
    for (let i = 1; i <= 100; i++) {
      writer.publish("a", String(i), { qos: 2, packetId: i });
      writer.send({ type: "pubrel", packetId: i, reasonCode: 0 });
      for (const packet of reader.take()) {
        if (packet.type !== "publish" || packet.packetId === undefined) continue;
        reader.send({ type: "pubrec", packetId: packet.packetId, reasonCode: 0 });
        if (i < 100) reader.send({ type: "pubcomp", packetId: packet.packetId, reasonCode: 0 });
      }
    }
    expect(attached).toBeLessThan(50);
    home.pass(6000);
    home.evict();
    reader.take();
    reader.send({ type: "pubcomp", packetId: 100, reasonCode: 0 });
    // All identifiers are free again but those in use, so a window's worth goes through.
    for (let i = 101; i <= 164; i++) writer.publish("a", String(i), { qos: 2, packetId: i });
    expect(reader.takeMessages()).toHaveLength(64);
  });
});

describe("what waits for a session that ends with its connection", () => {
  test("has no row while the object is awake, and one before it may fall asleep", () => {
    const home = new TestHome();
    const slow = home.client("owner", { properties: { receiveMaximum: 1 } });
    slow.subscribe("a", { qos: 1 });
    const other = home.client("owner", { mqttClientId: "other" });
    for (const value of ["1", "2", "3"]) other.publish("a", value, { qos: 1 });
    const rows = () => home.store.load().sessions.flatMap(({ id }) => home.store.deliveries(id)).length;
    expect(rows()).toBe(0);
    home.pass(6000);
    expect(rows()).toBe(2);
    home.evict();
    slow.send({ type: "puback", packetId: 1, reasonCode: 0 });
    slow.send({ type: "puback", packetId: 2, reasonCode: 0 });
    expect(slow.takeMessages()).toEqual(["a=1", "a=2", "a=3"]);
    expect(rows()).toBe(0);
  });
});
