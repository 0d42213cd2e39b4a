import { describe, expect, test } from "vitest";
import { connectPacket, lasting, publishPacket, TestHome } from "./test-home.ts";

describe("sessions", () => {
  test("a session ends when its expiry interval is over", () => {
    const home = new TestHome();
    home.client("owner", lasting).vanish();
    home.pass(3599_000);
    expect(home.store.load().sessions).toHaveLength(1);
    home.pass(2000);
    expect(home.store.load().sessions).toEqual([]);
    expect(home.client("owner", lasting).take()).toMatchObject([{ sessionPresent: false }]);
  });

  test("a session whose time is over is not resumed, even if the alarm is late [MQTT-4.1.0-2]", () => {
    const home = new TestHome();
    home.client("owner", lasting).vanish();
    const back = home.socket("owner");
    home.nowMs += 3600_000;
    back.send(connectPacket(lasting));
    expect(back.take()).toMatchObject([{ sessionPresent: false }]);
  });

  test("DISCONNECT may shorten or lengthen the expiry, but not of a session that was to end at once", () => {
    const home = new TestHome();
    home.client("owner", lasting).disconnect(0, { sessionExpiryInterval: 0 });
    expect(home.store.load().sessions).toEqual([]);
    home.client("owner", lasting).disconnect(0, { sessionExpiryInterval: 9000 });
    home.pass(8000_000);
    expect(home.store.load().sessions).toHaveLength(1);
    const fleeting = home.client("owner", { mqttClientId: "fleeting" });
    fleeting.take();
    fleeting.disconnect(0, { sessionExpiryInterval: 10 });
    expect(fleeting.take()).toEqual([{ type: "disconnect", reasonCode: 0x82 }]);
  });

  test("a clean start discards subscriptions and waiting messages", () => {
    const home = new TestHome();
    home.client("owner", lasting).subscribe("a", { qos: 1 });
    home.client("owner", { ...lasting, cleanStart: true });
    home.client("owner", { mqttClientId: "b" }).publish("a", "x", { qos: 1 });
    expect(home.client("owner", lasting).take()).toMatchObject([{ type: "connack", sessionPresent: true }]);
  });

  test("in flight at QoS 2, PUBREL goes again to a client that came back", () => {
    const home = new TestHome();
    const first = home.client("owner", lasting);
    first.subscribe("a", { qos: 2 });
    first.publish("a", "x", { qos: 2 });
    first.send(
      { type: "pubrel", packetId: 7, reasonCode: 0 },
      { type: "pubrec", packetId: 1, reasonCode: 0 },
    );
    first.vanish();
    const second = home.client("owner", lasting);
    expect(second.take()).toMatchObject([{ type: "connack" }, { type: "pubrel", packetId: 1 }]);
    second.send({ type: "pubcomp", packetId: 1, reasonCode: 0 });
    second.vanish();
    expect(home.client("owner", lasting).take()).toHaveLength(1);
  });

  test("a QoS 2 message sent again after a reconnect is not delivered again", () => {
    const home = new TestHome();
    const witness = home.client("owner", { mqttClientId: "w" });
    witness.subscribe("a");
    const message = publishPacket("a", "x", { qos: 2 });
    const first = home.client("owner", lasting);
    first.send(message);
    first.vanish();
    const second = home.client("owner", lasting);
    second.send({ ...message, dup: true });
    expect(second.take()).toMatchObject([{ type: "connack" }, { type: "pubrec", packetId: 7 }]);
    expect(witness.takeMessages()).toEqual(["a=x"]);
  });
});
