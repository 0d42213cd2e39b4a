import { describe, expect, test } from "vitest";
import { encode } from "../mqtt/encoder.ts";
import { authorityOf, connectPacket, publishPacket, subscribePacket, TestHome } from "./test-home.ts";

const will = (payload: string, properties = {}) => ({
  topicName: "$state" as never,
  payload: new TextEncoder().encode(payload),
  qos: 1 as const,
  retain: true,
  properties,
});

for (const protocolLevel of [4, 5] as const) {
  describe(`a session at level ${protocolLevel}`, () => {
    test("CONNECT is accepted, PINGREQ answered, and DISCONNECT ends it without the will", () => {
      const home = new TestHome();
      const owner = home.client("owner", { mqttClientId: "o" });
      owner.subscribe("devices/+/$state");
      const device = home.client("device", { protocolLevel, will: will("lost") });
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
      home.client("device", { protocolLevel, will: will("lost") }).vanish();
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
      const older = home.client("device", { protocolLevel, will: will("lost") });
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
      const device = home.client("device", { protocolLevel, keepAliveSeconds: 10, will: will("lost") });
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

describe("a client with a longer keep alive that falls silent", () => {
  const lost = () => {
    const home = new TestHome();
    const device = home.client("device", { keepAliveSeconds: 300, will: will("lost") });
    return { home, device };
  };

  test("is noticed on time by the alarm when its will has a subscriber [MQTT-3.1.2-22]", () => {
    const { home, device } = lost();
    const owner = home.client("owner");
    owner.subscribe("devices/+/$state");
    home.pass(449_000);
    expect(device.isClosed).toBe(false);
    home.pass(2000);
    expect(owner.takeMessages()).toEqual(["devices/dh1/$state=lost"]);
  });

  test("wakes nobody when no one listens, and is noticed in the next turn", () => {
    const { home, device } = lost();
    home.alarmAtMs = undefined;
    home.pass(10_000_000);
    expect(device.isClosed).toBe(false);
    const owner = home.client("owner");
    owner.subscribe("devices/+/$state");
    expect([device.isClosed, owner.takeMessages()]).toEqual([true, ["devices/dh1/$state=lost"]]);
  });

  test("is watched from the moment that someone begins to listen", () => {
    const { home, device } = lost();
    home.pass(100_000);
    home.client("owner").subscribe("devices/#");
    home.pass(351_000);
    expect(device.isClosed).toBe(true);
  });
});

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
      will: { ...will("x"), topicName: "devices/ph-app1-dh1/telemetry/t" as never },
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
      will: { ...will("app is gone"), topicName: "devices/ph-app1-dh1/command/light" as never },
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
    const device = home.client("device", { will: will("lost") });
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
    const device = home.client("device", { will: will("lost") });
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

describe("after a restart that took the sockets", () => {
  test("wills go out, clean sessions are gone, kept ones keep their messages", () => {
    const home = new TestHome();
    const kept = { mqttClientId: "kept", cleanStart: false, properties: { sessionExpiryInterval: 3600 } };
    const owner = home.client("owner", kept);
    owner.subscribe("#", { qos: 1 });
    home.client("device", { will: will("lost") });
    home.restart();
    const again = home.client("owner", kept);
    expect(again.takeMessages()).toContain("devices/dh1/$state=lost");
    expect(home.store.load().sessions).toHaveLength(1);
  });
});

describe("acknowledgements that do not fit", () => {
  test.each([
    ["PUBREC of a QoS 1 message", 1, ["pubrec"]],
    ["PUBCOMP of a QoS 1 message", 1, ["pubcomp"]],
    ["PUBACK of a QoS 2 message", 2, ["puback"]],
    ["PUBCOMP before PUBREC", 2, ["pubcomp"]],
    ["PUBACK after PUBREC", 2, ["pubrec", "puback"]],
  ] as const)("%s is a protocol error", (_, qos, answers) => {
    const home = new TestHome();
    const client = home.client("owner", { protocolLevel: 5 });
    client.subscribe("a", { qos: 2 });
    home.client("owner", { mqttClientId: "other" }).publish("a", "x", { qos });
    client.take();
    for (const type of answers) client.send({ type, packetId: 1, reasonCode: 0 });
    expect(client.take().at(-1)).toMatchObject({ type: "disconnect", reasonCode: 0x82 });
    expect(client.isClosed).toBe(true);
  });

  test("an acknowledgement of nothing is let pass, and PUBREC twice gets PUBREL twice", () => {
    const home = new TestHome();
    const client = home.client("owner", { protocolLevel: 5 });
    client.subscribe("a", { qos: 2 });
    home.client("owner", { mqttClientId: "other" }).publish("a", "x", { qos: 2 });
    client.take();
    for (const type of ["puback", "pubcomp"] as const) client.send({ type, packetId: 77, reasonCode: 0 });
    for (const type of ["pubrec", "pubrec"] as const) client.send({ type, packetId: 1, reasonCode: 0 });
    expect(client.take()).toMatchObject([{ type: "pubrel" }, { type: "pubrel" }]);
    expect(client.isClosed).toBe(false);
  });

  test("PUBACK says that nobody subscribes, but not where only No Local kept the message away; PUBREC never does", () => {
    const client = new TestHome().client("owner", { protocolLevel: 5 });
    client.subscribe("mine", { noLocal: true });
    client.take();
    client.publish("mine", "x", { qos: 1 });
    client.publish("nobody", "x", { qos: 1 });
    client.publish("nobody", "x", { qos: 2 });
    expect(client.take()).toMatchObject([
      { type: "puback", reasonCode: 0 },
      { type: "puback", reasonCode: 0x10 },
      { type: "pubrec", reasonCode: 0 },
    ]);
  });
});
