import { describe, expect, test } from "vitest";
import {
  authorityOf,
  connectPacket,
  lasting,
  publishPacket,
  stateWill,
  subscribePacket,
  TestHome,
} from "./test-home.ts";

describe("who may connect", () => {
  const token = "token-of-a-device";

  test("without authority from the gateway the password of CONNECT is asked about", () => {
    const home = new TestHome();
    home.tokens.set(token, authorityOf("device", {}, home.nowMs));
    const device = home.client("device", { token });
    expect(device.take()).toMatchObject([{ type: "connack", reasonCode: 0 }]);
  });

  test("packets behind CONNECT wait for the answer, in their order", () => {
    const home = new TestHome();
    home.answersAtOnce = false;
    home.tokens.set(token, authorityOf("owner", {}, home.nowMs));
    const owner = home.socket("owner", { token });
    owner.send(connectPacket({ token }), subscribePacket("a"), publishPacket("a", "x", { qos: 1 }));
    expect(owner.take()).toEqual([]);
    home.answer();
    expect(owner.take().map(({ type }) => type)).toEqual(["connack", "suback", "puback", "publish"]);
  });

  test.each([
    ["an unknown token", {}, undefined],
    ["another user's token", { user: "user-2" }, 0x87],
    ["an expired token", { expiresAtMs: 1 }, 0x87],
    ["an app without a stored consent", { kind: "app", handle: "app9" }, 0x87],
  ])("%s is refused with 0x87 and 5, and nothing says why", (_, change, code) => {
    for (const protocolLevel of [4, 5] as const) {
      const home = new TestHome();
      if (code !== undefined) {
        home.tokens.set(token, { ...authorityOf("device", {}, home.nowMs), ...(change as object) });
      }
      const client = home.client("device", { token, protocolLevel });
      expect(client.take()).toEqual([
        expect.objectContaining({ type: "connack", reasonCode: protocolLevel === 5 ? 0x87 : 5 }),
      ]);
      expect(client.isClosed).toBe(true);
    }
  });

  test.each([
    ["no password", connectPacket({})],
    ["another user name", connectPacket({ token, userName: "admin" })],
    ["a password that is no token", connectPacket({ token: "two words" })],
  ])("CONNECT with %s is refused with 0x87", (_, packet) => {
    const home = new TestHome();
    const client = home.socket("device", { token });
    client.send(packet);
    expect(client.take()).toMatchObject([{ type: "connack", reasonCode: 0x87 }]);
    expect(client.isClosed).toBe(true);
  });

  test("when nobody can say, CONNACK says that the server is unavailable", () => {
    const home = new TestHome();
    home.answersAtOnce = false;
    const client = home.client("device", { token });
    home.run((broker) => broker.authenticated(client.id, undefined));
    expect(client.take()).toMatchObject([{ type: "connack", reasonCode: 0x88 }]);
  });

  test("a will outside the permissions refuses the connection", () => {
    const home = new TestHome();
    home.claim("dh1");
    home.consent("app1", { dh1: ["read"] });
    const app = home.client("app", {
      will: { ...stateWill("x"), topicName: "devices/ph-app1-dh1/telemetry/t" as never },
    });
    expect(app.take()).toMatchObject([{ type: "connack", reasonCode: 0x87 }]);
  });

  test("a socket that never sends CONNECT is closed after a while, one with a token by the next alarm", () => {
    const home = new TestHome();
    const known = home.socket("device");
    home.pass(home.limits.connectSeconds * 1000 + 1);
    expect(known.isClosed).toBe(false);
    const unknown = home.socket("device", { token: "t" });
    home.pass(home.limits.connectSeconds * 1000 + 1);
    expect([known.isClosed, unknown.isClosed]).toEqual([true, true]);
    expect(unknown.received).toEqual([]);
  });
});

describe("authority ends on time", () => {
  const minute = 60_000;

  test("at the token's end a silent subscriber is disconnected with 0x87 and gets nothing more", () => {
    const home = new TestHome();
    const device = home.client("device", { expiresAtMs: home.nowMs + 10 * minute });
    const owner = home.client("owner", { mqttClientId: "o", expiresAtMs: home.nowMs + 5 * minute });
    owner.subscribe("#", { qos: 1 });
    owner.take();
    home.pass(5 * minute);
    expect(owner.take()).toEqual([{ type: "disconnect", reasonCode: 0x87 }]);
    device.publish("telemetry/t", "1", { qos: 1 });
    expect(owner.take()).toEqual([]);
  });

  test("a session that is resumed has the permissions of the new token, in what it sends and what it gets", () => {
    const home = new TestHome();
    const publisher = home.client("owner", { mqttClientId: "p" });
    const wide = { ...lasting, permissions: [["#", ["pub", "sub"]]] } as const;
    const first = home.client("owner", wide);
    first.subscribe("#", { qos: 1 });
    for (const name of ["a/x", "b/x"]) publisher.publish(name, "before", { qos: 1 });
    expect(first.takeMessages()).toEqual(["a/x=before", "b/x=before"]);
    for (const packetId of [1, 2]) first.send({ type: "puback", packetId, reasonCode: 0 });
    const narrow = home.client("owner", { ...lasting, permissions: [["a/#", ["pub", "sub"]]] });
    for (const name of ["a/x", "b/x"]) publisher.publish(name, "after", { qos: 1 });
    expect(narrow.takeMessages()).toEqual(["a/x=after"]);
    for (const name of ["a/y", "b/y"]) narrow.publish(name, "mine", { qos: 1 });
    const answers = narrow.take().flatMap((packet) => (packet.type === "puback" ? [packet.reasonCode] : []));
    expect(answers).toEqual([0, 0x87]);
    const again = home.client("owner", wide);
    publisher.publish("b/x", "at last", { qos: 1 });
    expect(again.takeMessages()).toContain("b/x=at last");
  });

  test("nothing is delivered after the end even when the alarm is late", () => {
    const home = new TestHome();
    const device = home.client("device");
    const owner = home.client("owner", { mqttClientId: "o", expiresAtMs: home.nowMs + minute });
    owner.subscribe("#");
    owner.take();
    home.nowMs += 2 * minute;
    device.publish("telemetry/t", "1");
    expect(owner.take()).toEqual([{ type: "disconnect", reasonCode: 0x87 }]);
  });

  test("who subscribed to $auth/expiring hears of it a minute before, once", () => {
    const home = new TestHome();
    const device = home.client("device", { expiresAtMs: home.nowMs + 10 * minute });
    expect(device.subscribe("$auth/expiring")).toBe(0);
    home.pass(8.9 * minute);
    expect(device.takeMessages()).toEqual([]);
    home.pass(0.2 * minute);
    expect(device.takeMessages()).toEqual([expect.stringContaining("$auth/expiring=")]);
    home.pass(0.5 * minute);
    expect(device.takeMessages()).toEqual([]);
  });

  for (const protocolLevel of [4, 5] as const) {
    test(`a token published to $auth/token prolongs the session (level ${protocolLevel})`, () => {
      const home = new TestHome();
      home.tokens.set("fresh", authorityOf("device", { expiresAtMs: home.nowMs + 20 * minute }, home.nowMs));
      const device = home.client("device", { protocolLevel, expiresAtMs: home.nowMs + 10 * minute });
      device.take();
      device.publish("$auth/token", "fresh", { qos: 1 });
      expect(device.take()).toMatchObject([{ type: "puback", packetId: 7, reasonCode: 0 }]);
      home.pass(15 * minute);
      expect(device.isClosed).toBe(false);
      home.pass(6 * minute);
      expect(device.isClosed).toBe(true);
    });
  }

  test.each([
    ["an unknown token", "nothing"],
    ["another device's token", "other"],
  ])("%s in $auth/token gets 0x87 in 5.0 and closes below", (_, text) => {
    for (const protocolLevel of [4, 5] as const) {
      const home = new TestHome();
      home.tokens.set("other", authorityOf("device", { handle: "dh2" }, home.nowMs));
      const device = home.client("device", { protocolLevel });
      device.take();
      device.publish("$auth/token", text, { qos: 1 });
      expect(device.isClosed).toBe(protocolLevel === 4);
      expect(device.take()).toEqual(
        protocolLevel === 5 ? [expect.objectContaining({ type: "puback", reasonCode: 0x87 })] : [],
      );
    }
  });

  test("a revoked consent closes the app with 0x98, and nothing of it stays", () => {
    const home = new TestHome();
    home.claim("dh1");
    home.consent("app1", { dh1: ["read", "command"] });
    const app = home.client("app", {
      cleanStart: false,
      properties: { sessionExpiryInterval: 3600 },
      will: { ...stateWill("app is gone"), topicName: "devices/ph-app1-dh1/command/light" as never },
    });
    app.subscribe("devices/#");
    app.publish("devices/ph-app1-dh1/command/light", "on", { retain: true });
    app.take();
    home.run((broker) =>
      broker.revoke({ user: "user-1" as never, handle: "app1", epoch: 2, reason: "revoked" }),
    );
    expect(app.take()).toEqual([{ type: "disconnect", reasonCode: 0x98 }]);
    const stored = home.store.load();
    expect(stored.grants).toEqual([]);
    expect(stored.sessions).toEqual([]);
    expect(home.store.retainedUnder("")).toEqual([]);
    const again = home.client("app", { epoch: 1 });
    expect(again.take()).toMatchObject([{ type: "connack", reasonCode: 0x87 }]);
  });

  test("a late notice does not harm an authority that is newer", () => {
    const home = new TestHome();
    const device = home.client("device", { epoch: 3 });
    home.run((broker) =>
      broker.revoke({ user: "user-1" as never, handle: "dh1", epoch: 2, reason: "suspect" }),
    );
    expect(device.isClosed).toBe(false);
  });

  test("a suspect device is cut with 0x87, its will goes out, and it stays the owner's", () => {
    const home = new TestHome();
    home.claim("dh1");
    const owner = home.client("owner", { mqttClientId: "o" });
    owner.subscribe("devices/+/$state");
    const device = home.client("device", { will: stateWill("lost") });
    device.take();
    home.run((broker) =>
      broker.revoke({ user: "user-1" as never, handle: "dh1", epoch: 2, reason: "suspect" }),
    );
    expect(device.take()).toEqual([{ type: "disconnect", reasonCode: 0x87 }]);
    expect(owner.takeMessages()).toEqual(["devices/dh1/$state=lost"]);
    expect(home.broker.devices()).toHaveLength(1);
    expect(home.client("device", { epoch: 1 }).take()).toMatchObject([{ reasonCode: 0x87 }]);
    expect(home.client("device", { epoch: 2 }).take()).toMatchObject([{ reasonCode: 0 }]);
  });

  test("a released device leaves no topic behind, and apps see it no more", () => {
    const home = new TestHome();
    home.claim("dh1");
    home.claim("dh2");
    home.consent("app1", { dh1: ["read"], dh2: ["read"] });
    home.client("device").publish("telemetry/t", "1", { retain: true });
    const app = home.client("app");
    app.subscribe("grant");
    app.take();
    home.run((broker) =>
      broker.revoke({ user: "user-1" as never, handle: "dh1", epoch: 2, reason: "released" }),
    );
    expect(home.broker.devices().map(({ handle }) => handle)).toEqual(["dh2"]);
    expect(home.store.retainedUnder("devices/")).toEqual([]);
    expect(app.takeMessages()).toEqual([expect.not.stringContaining("ph-app1-dh1")]);
    expect(app.subscribe("devices/ph-app1-dh1/#")).toBe(0x87);
  });

  test("a deleted account leaves nothing but what refuses late tokens", () => {
    const home = new TestHome();
    home.claim("dh1");
    home.consent("app1", { dh1: ["read"] });
    const device = home.client("device", { will: stateWill("lost") });
    device.publish("telemetry/t", "1", { retain: true });
    home.run((broker) =>
      broker.revoke({ user: "user-1" as never, handle: "*", epoch: 9, reason: "deleted" }),
    );
    expect(device.isClosed).toBe(true);
    expect(home.store.load()).toMatchObject({ sessions: [], devices: [], grants: [] });
    expect(home.store.retainedUnder("")).toEqual([]);
    expect(home.client("device", { epoch: 8 }).take()).toMatchObject([{ reasonCode: 0x87 }]);
    // What the DIdP had to tell before may come after.
    home.run((broker) =>
      broker.revoke({ user: "user-1" as never, handle: "dh1", epoch: 3, reason: "released" }),
    );
    expect([...home.store.load().refusedEpochs.keys()]).toEqual(["*"]);
  });

  test("a will that was due after the consent's end is not sent by a late alarm, and leaves nothing", () => {
    const home = new TestHome();
    home.claim("dh1");
    home.consent("app1", { dh1: ["command"] }, home.nowMs + 10_000);
    const device = home.client("device");
    device.subscribe("command/#");
    const app = home.client("app", {
      ...lasting,
      will: {
        ...stateWill("app is gone", { willDelayInterval: 11 }),
        topicName: "devices/ph-app1-dh1/command/light" as never,
      },
    });
    app.vanish();
    device.take();
    home.nowMs += 20_000;
    home.run((broker) => broker.alarm());
    expect(device.take()).toEqual([]);
    expect(home.store.load().sessions.map(({ kind }) => kind)).toEqual(["device"]);
  });

  test("a consent's end closes the app and forgets the choice", () => {
    const home = new TestHome();
    home.claim("dh1");
    home.consent("app1", { dh1: ["read"] }, home.nowMs + 5 * minute);
    const app = home.client("app");
    app.take();
    home.pass(5 * minute);
    expect(app.take()).toEqual([{ type: "disconnect", reasonCode: 0x87 }]);
    expect(home.store.load().grants).toEqual([]);
  });
});
