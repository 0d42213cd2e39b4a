import { describe, expect, test } from "vitest";
import { encode } from "../mqtt/encoder.ts";
import { publishPacket, stateWill, TestHome } from "./test-home.ts";

for (const protocolLevel of [4, 5] as const) {
  describe(`a session at level ${protocolLevel}`, () => {
    test("CONNECT is accepted, PINGREQ answered, and DISCONNECT ends it without the will", () => {
      const home = new TestHome();
      const owner = home.client("owner", { mqttClientId: "o" });
      owner.subscribe("devices/+/$state");
      const device = home.client("device", { protocolLevel, will: stateWill("lost") });
      expect(device.take()).toMatchObject([{ type: "connack", reasonCode: 0, sessionPresent: false }]);
      device.send({ type: "pingreq" });
      expect(device.take()).toEqual([{ type: "pingresp" }]);
      device.disconnect();
      expect(device.closeCode).toBe(1000);
      expect(owner.takeMessages()).toEqual([]);
    });

    test("a socket that vanishes sends the will, retained for those that come later", () => {
      const home = new TestHome();
      const owner = home.client("owner", { mqttClientId: "o" });
      owner.subscribe("devices/+/$state");
      home.client("device", { protocolLevel, will: stateWill("lost") }).vanish();
      expect(owner.takeMessages()).toEqual(["devices/dh1/$state=lost"]);
      const later = home.client("owner", { mqttClientId: "p" });
      later.subscribe("devices/#");
      expect(later.takeMessages()).toEqual(["devices/dh1/$state=lost"]);
    });

    test("a message at QoS 1 is acknowledged both ways", () => {
      const home = new TestHome();
      const owner = home.client("owner", { protocolLevel });
      owner.subscribe("a/#", { qos: 1 });
      owner.take();
      owner.publish("a/b", "x", { qos: 1, packetId: 42 });
      const received = owner.take();
      expect(received).toMatchObject([
        { type: "puback", packetId: 42 },
        { type: "publish", qos: 1, packetId: 1, dup: false },
      ]);
    });

    test("a message at QoS 2 goes through four steps each way and is delivered once", () => {
      const home = new TestHome();
      const owner = home.client("owner", { protocolLevel });
      owner.subscribe("a", { qos: 2 });
      owner.take();
      const message = publishPacket("a", "x", { qos: 2, packetId: 9 });
      owner.send(message, { ...message, dup: true });
      expect(owner.take()).toMatchObject([
        { type: "pubrec", packetId: 9 },
        { type: "publish", qos: 2, packetId: 1 },
        { type: "pubrec", packetId: 9 },
      ]);
      owner.send({ type: "pubrel", packetId: 9, reasonCode: 0 });
      expect(owner.take()).toMatchObject([{ type: "pubcomp", packetId: 9 }]);
      owner.send({ type: "pubrec", packetId: 1, reasonCode: 0 });
      expect(owner.take()).toMatchObject([{ type: "pubrel", packetId: 1 }]);
      owner.send({ type: "pubcomp", packetId: 1, reasonCode: 0 });
      expect(owner.take()).toEqual([]);
    });

    test("a kept session gets what it missed, in order, and what it had not acknowledged again with DUP", () => {
      const home = new TestHome();
      const kept = {
        protocolLevel,
        cleanStart: false,
        mqttClientId: "kept",
        properties: { sessionExpiryInterval: 3600 },
      };
      const first = home.client("owner", kept);
      first.subscribe("a", { qos: 1 });
      const other = home.client("owner", { mqttClientId: "other" });
      other.publish("a", "1", { qos: 1 });
      first.vanish();
      other.publish("a", "2", { qos: 1 });
      other.publish("a", "missed at QoS 0");
      other.publish("a", "3", { qos: 1 });
      const second = home.client("owner", kept);
      expect(second.take()).toMatchObject([
        { type: "connack", sessionPresent: true },
        { type: "publish", dup: true, packetId: 1 },
        { type: "publish", dup: false, packetId: 2 },
        { type: "publish", dup: false, packetId: 3 },
      ]);
    });

    test("the same client id again takes the session over", () => {
      const home = new TestHome();
      const older = home.client("device", { protocolLevel, will: stateWill("lost") });
      const owner = home.client("owner", { mqttClientId: "o" });
      owner.subscribe("devices/+/$state");
      older.take();
      const newer = home.client("device", { protocolLevel });
      expect(older.take()).toEqual(protocolLevel === 5 ? [{ type: "disconnect", reasonCode: 0x8e }] : []);
      expect(older.isClosed).toBe(true);
      expect(newer.isClosed).toBe(false);
      expect(owner.takeMessages()).toEqual(["devices/dh1/$state=lost"]);
      home.run((broker) => broker.closed(older.id));
      newer.send({ type: "pingreq" });
      expect(newer.received.at(-1)).toEqual({ type: "pingresp" });
    });

    test("an empty retained message removes the retained one", () => {
      const home = new TestHome();
      const device = home.client("device", { protocolLevel });
      device.publish("telemetry/t", "1", { retain: true });
      device.publish("telemetry/t", "", { retain: true });
      device.subscribe("telemetry/#");
      expect(device.takeMessages()).toEqual([]);
    });

    test("a client that is silent for one and a half keep alives is closed and its will goes out", () => {
      const home = new TestHome();
      const owner = home.client("owner", { mqttClientId: "o" });
      owner.subscribe("devices/+/$state");
      const device = home.client("device", { protocolLevel, keepAliveSeconds: 10, will: stateWill("lost") });
      home.pass(9000);
      device.send({ type: "pingreq" });
      home.pass(14_900);
      expect(device.isClosed).toBe(false);
      home.pass(200);
      expect(device.isClosed).toBe(true);
      expect(owner.takeMessages()).toEqual(["devices/dh1/$state=lost"]);
    });

    test("packets that leave for one socket in one turn share a frame", () => {
      const home = new TestHome();
      const owner = home.client("owner", { protocolLevel });
      owner.subscribe("a");
      owner.frames = 0;
      const packet = encode(publishPacket("a", "x"), protocolLevel);
      owner.sendBytes(new Uint8Array([...packet, ...packet, ...packet]));
      expect(owner.takeMessages()).toHaveLength(3);
      expect(owner.frames).toBe(1);
    });
  });
}

test("a text frame ends the connection as if the network had failed [MQTT-6.0.0-1]", () => {
  const home = new TestHome();
  const owner = home.client("owner", { mqttClientId: "o" });
  owner.subscribe("devices/+/$state");
  const device = home.client("device", { will: stateWill("lost") });
  home.run((broker) => broker.receivedText(device.id));
  expect(device.closeCode).toBe(1003);
  expect(owner.takeMessages()).toEqual(["devices/dh1/$state=lost"]);
});

test.each([
  ["DISCONNECT", { type: "disconnect", reasonCode: 0 } as const],
  ["a protocol error", publishPacket("a", "x", { properties: { topicAlias: 0xffff } })],
])("what stands in one frame behind %s is not carried out", (_, last) => {
  const home = new TestHome();
  const witness = home.client("owner", { mqttClientId: "w" });
  witness.subscribe("#");
  const client = home.client("owner");
  const packets = [publishPacket("a", "before"), last, publishPacket("a", "after")];
  client.sendBytes(new Uint8Array(packets.flatMap((packet) => [...encode(packet, 5)])));
  expect(client.isClosed).toBe(true);
  expect(witness.takeMessages()).toEqual(["a=before"]);
});

describe("after a restart that took the sockets", () => {
  test("wills go out, clean sessions are gone, kept ones keep their messages", () => {
    const home = new TestHome();
    const kept = { mqttClientId: "kept", cleanStart: false, properties: { sessionExpiryInterval: 3600 } };
    const owner = home.client("owner", kept);
    owner.subscribe("#", { qos: 1 });
    home.client("device", { will: stateWill("lost") });
    home.restart();
    const again = home.client("owner", kept);
    expect(again.takeMessages()).toContain("devices/dh1/$state=lost");
    expect(home.store.load().sessions).toHaveLength(1);
  });
});
