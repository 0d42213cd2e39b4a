import { describe, expect, test } from "vitest";
import type { TopicName } from "../mqtt/packet.ts";
import { connectPacket, lasting, TestHome } from "./test-home.ts";

const topic = (name: string) => name as TopicName; // a test's own

describe("wills", () => {
  const will = (willDelayInterval: number) => ({
    topicName: topic("will"),
    payload: new Uint8Array([0x77]),
    qos: 1 as const,
    retain: false,
    properties: { willDelayInterval },
  });

  function watched() {
    const home = new TestHome();
    const witness = home.client("owner", { mqttClientId: "witness" });
    witness.subscribe("will");
    return { home, witness };
  }

  test("a delayed will waits for its delay, and is sent once [MQTT-3.1.2-10]", () => {
    const { home, witness } = watched();
    home.client("owner", { ...lasting, will: will(60) }).vanish();
    home.pass(59_000);
    expect(witness.takeMessages()).toEqual([]);
    home.pass(2000);
    expect(witness.takeMessages()).toEqual(["will=w"]);
    home.pass(3600_000);
    expect(witness.takeMessages()).toEqual([]);
  });

  test("a client that is back in time takes its delayed will back", () => {
    const { home, witness } = watched();
    home.client("owner", { ...lasting, will: will(60) }).vanish();
    home.pass(30_000);
    home.client("owner", lasting);
    home.pass(60_000);
    expect(witness.takeMessages()).toEqual([]);
  });

  test("a client that is back too late does not, even if the alarm is later still [MQTT-3.1.3-9]", () => {
    const { home, witness } = watched();
    home.client("owner", { ...lasting, will: will(60) }).vanish();
    const back = home.socket("owner");
    home.nowMs += 61_000;
    back.send(connectPacket(lasting));
    expect(witness.takeMessages()).toEqual(["will=w"]);
  });

  test("the session's end sends a delayed will early", () => {
    const { home, witness } = watched();
    home.client("owner", { ...lasting, properties: { sessionExpiryInterval: 10 }, will: will(60) }).vanish();
    home.pass(10_000);
    expect(witness.takeMessages()).toEqual(["will=w"]);
    home.client("owner", { ...lasting, will: will(60) }).vanish();
    home.client("owner", { ...lasting, cleanStart: true });
    expect(witness.takeMessages()).toEqual(["will=w"]);
  });

  test("a will's lifetime begins when it is published (5.0 §3.1.3.2.4) [MQTT-3.3.2-6]", () => {
    const { home, witness } = watched();
    const properties = { willDelayInterval: 60, messageExpiryInterval: 10 };
    home.client("owner", { ...lasting, will: { ...will(60), retain: true, properties } }).vanish();
    home.pass(61_000);
    expect(witness.take().at(-1)).toMatchObject({ properties: { messageExpiryInterval: 10 } });
    home.pass(4000);
    witness.subscribe("will");
    expect(witness.take().at(-1)).toMatchObject({ retain: true, properties: { messageExpiryInterval: 5 } });
    home.pass(6000);
    witness.subscribe("will");
    expect(witness.takeMessages()).toEqual([]);
  });

  test("DISCONNECT 0x04 asks for the will, 0x00 discards it", () => {
    const { home, witness } = watched();
    home.client("owner", { will: will(0) }).disconnect(0x04);
    expect(witness.takeMessages()).toEqual(["will=w"]);
    home.client("owner", { will: will(0) }).disconnect(0x00);
    expect(witness.takeMessages()).toEqual([]);
  });

  test("a will to a device that the owner has taken from the app since is not sent", () => {
    const home = new TestHome();
    home.claim("dh1");
    home.claim("dh2");
    home.consent("app1", { dh1: ["command"] });
    const device = home.client("device");
    device.subscribe("command/#");
    const app = home.client("app", {
      will: {
        topicName: topic("devices/ph-app1-dh1/command/light"),
        payload: new Uint8Array(),
        qos: 0,
        retain: false,
      },
    });
    home.consent("app1", { dh2: ["command"] });
    device.take();
    app.vanish();
    expect(device.take()).toEqual([]);
  });
});

describe("a CONNECT with a will that may not be", () => {
  test.each([
    ["outside what its token may", "other/a", 0x87],
    ["on the platform's own topics", "$auth/token", 0x87],
    ["too deep", "mine/".repeat(300), 0x90],
  ] as const)(
    "is refused before it ends the older connection or takes its will back: %s",
    (_, name, code) => {
      const home = new TestHome();
      const witness = home.client("owner", { mqttClientId: "witness" });
      witness.subscribe("mine/#");
      const will = {
        topicName: topic("mine/will"),
        payload: new Uint8Array([0x31]),
        qos: 0 as const,
        retain: false,
      };
      const permissions = [
        ["mine/#", ["pub", "sub"]],
        ["$auth/#", ["pub"]],
      ] as const;
      const client = home.client("owner", { ...lasting, will, permissions });
      const refused = home.client("owner", {
        ...lasting,
        permissions,
        will: { ...will, topicName: topic(name) },
      });
      expect(refused.take()).toMatchObject([{ type: "connack", reasonCode: code }]);
      expect([client.isClosed, refused.isClosed]).toEqual([false, true]);
      client.vanish();
      expect(witness.takeMessages()).toEqual(["mine/will=1"]);
    },
  );
});
