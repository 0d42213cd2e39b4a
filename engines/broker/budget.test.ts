import { describe, expect, test } from "vitest";
import { TestHome } from "./test-home.ts";

describe("the rate of a connection, a device and a user", () => {
  test("above the rate QoS 0 is dropped, QoS 1 gets 0x97, and a flood closes with 0x96", () => {
    const home = new TestHome({ messagesPerSecond: 1, messageBurst: 5 });
    const client = home.client("owner");
    client.subscribe("a");
    client.take();
    for (let i = 0; i < 8; i++) client.publish("a", "x");
    // One of the five was for SUBSCRIBE.
    expect(client.takeMessages()).toHaveLength(4);
    client.publish("a", "x", { qos: 1 });
    expect(client.take()).toEqual([{ type: "puback", packetId: 7, reasonCode: 0x97 }]);
    home.pass(10_000);
    client.publish("a", "again");
    expect(client.takeMessages()).toEqual(["a=again"]);
    for (let i = 0; i < 100; i++) client.publish("a", "x");
    expect(client.take().at(-1)).toEqual({ type: "disconnect", reasonCode: 0x96 });
  });

  test("a user's connections share five times what one may do, and who floods takes nothing from the others", () => {
    const home = new TestHome({ messagesPerSecond: 1, messageBurst: 10 });
    const [flooder, ...others] = Array.from({ length: 7 }, (_, i) =>
      home.client("owner", { mqttClientId: `c${i}` }),
    );
    for (let i = 0; i < 60; i++) flooder?.publish("a", "x");
    const granted = others.map((client) => {
      client.take();
      for (let i = 1; i <= 10; i++) client.publish("a", "x", { qos: 1, packetId: i });
      return client.take().filter((packet) => packet.type === "puback" && packet.reasonCode < 0x80).length;
    });
    expect(granted).toEqual([10, 10, 10, 10, 0, 0]);
  });

  test("a device with many connections takes no more than twice what one may, and leaves the rest to the others", () => {
    const home = new TestHome({ messagesPerSecond: 1, messageBurst: 10 });
    const granted = (client: ReturnType<TestHome["client"]>) => {
      client.take();
      for (let i = 1; i <= 10; i++) client.publish("telemetry/x", "x", { qos: 1, packetId: i });
      return client.take().filter((packet) => packet.type === "puback" && packet.reasonCode < 0x80).length;
    };
    const flooders = Array.from({ length: 4 }, (_, i) => home.client("device", { mqttClientId: `f${i}` }));
    expect(flooders.map(granted)).toEqual([10, 10, 0, 0]);
    expect(granted(home.client("device", { handle: "dh2" }))).toBe(10);
  });

  test("a frame is a cost of its own: whoever sends more of them than ten a message is held", () => {
    const home = new TestHome({ messagesPerSecond: 1, messageBurst: 10 });
    const client = home.client("device");
    for (let i = 0; i < 90; i++) client.send({ type: "pingreq" });
    expect(home.held).toBe(0);
    for (let i = 0; i < 20; i++) client.send({ type: "pingreq" });
    expect(home.held).toBeGreaterThan(0);
    expect(client.take().filter(({ type }) => type === "pingresp")).toHaveLength(110);
  });

  test("asking who somebody is costs more than a message", () => {
    const home = new TestHome({ messagesPerSecond: 1, messageBurst: 50 });
    const device = home.client("device");
    device.take();
    for (let i = 0; i < 3; i++) device.publish("$auth/token", "unknown", { qos: 1 });
    expect(device.take()).toMatchObject([{ reasonCode: 0x87 }, { reasonCode: 0x87 }, { reasonCode: 0x97 }]);
  });

  test("above the rate SUBSCRIBE gets 0x97, and a flood of UNSUBSCRIBE closes with 0x96", () => {
    const home = new TestHome({ messagesPerSecond: 1, messageBurst: 5 });
    const client = home.client("owner");
    const codes = Array.from({ length: 7 }, (_, i) => client.subscribe(`a/${i}`));
    expect(codes).toEqual([0, 0, 0, 0, 0, 0x97, 0x97]);
    home.pass(10_000);
    expect(client.subscribe("b")).toBe(0);
    for (let i = 0; i < 100; i++) {
      client.send({ type: "unsubscribe", packetId: 1, topicFilters: ["b"] as never });
    }
    expect(client.take().at(-1)).toEqual({ type: "disconnect", reasonCode: 0x96 });
  });
});
