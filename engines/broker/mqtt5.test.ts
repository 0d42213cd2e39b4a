import { describe, expect, test } from "vitest";
import type { Publish, TopicFilter, TopicName } from "../mqtt/packet.ts";
import {
  authorityOf,
  connectPacket,
  publishPacket,
  subscribePacket,
  type TestClient,
  TestHome,
} from "./test-home.ts";

const lasting = { mqttClientId: "lasting", cleanStart: false, properties: { sessionExpiryInterval: 3600 } };
const topic = (name: string) => name as TopicName; // a test's own

describe("CONNACK", () => {
  test("announces the limits", () => {
    const home = new TestHome();
    expect(home.client("owner").take()).toMatchObject([
      {
        properties: {
          receiveMaximum: home.limits.receiveMaximum,
          maximumPacketSize: home.limits.maximumPacketBytes,
          topicAliasMaximum: home.limits.topicAliasMaximum,
        },
      },
    ]);
  });

  test("assigns a client id that the session can be resumed with", () => {
    const home = new TestHome();
    const properties = { sessionExpiryInterval: 60 };
    const first = home.client("owner", { mqttClientId: "", properties });
    const [connack] = first.take();
    const assigned = connack?.type === "connack" ? connack.properties?.assignedClientIdentifier : undefined;
    expect(assigned).toMatch(/^[A-Za-z0-9_-]{22}$/);
    first.disconnect();
    const second = home.client("owner", { mqttClientId: assigned ?? "", cleanStart: false, properties });
    expect(second.take()).toMatchObject([{ sessionPresent: true }]);
  });

  test("raises a short keep alive, leaves a very short one, and says when a session is kept for less", () => {
    const home = new TestHome();
    const asked = (keepAliveSeconds: number, sessionExpiryInterval: number) =>
      home.client("owner", { keepAliveSeconds, properties: { sessionExpiryInterval } }).take()[0];
    expect(asked(60, 0)).toMatchObject({ properties: { serverKeepAlive: 120 } });
    expect(asked(5, 0)).not.toMatchObject({ properties: { serverKeepAlive: expect.anything() } });
    expect(asked(5, 0xffff_ffff)).toMatchObject({
      properties: { sessionExpiryInterval: home.limits.sessionExpirySeconds },
    });
  });

  test.each([
    [120, 60],
    [0, 60],
    [40, 60],
    [60, undefined],
    [10, undefined],
  ])("with a longest keep alive of 60 a client that asks for %i is told %s", (keepAliveSeconds, told) => {
    const home = new TestHome({ maximumKeepAliveSeconds: 60 });
    const [connack] = home.client("owner", { keepAliveSeconds }).take();
    expect(connack?.type === "connack" && connack.properties?.serverKeepAlive).toBe(told);
  });

  test("gives an owner, and only an owner, response information", () => {
    const home = new TestHome();
    const properties = { requestResponseInformation: 1 as const };
    expect(home.client("owner", { properties }).take()).toMatchObject([
      { properties: { responseInformation: expect.stringMatching(/^responses\//) } },
    ]);
    expect(home.client("device", { properties }).take()).not.toMatchObject([
      { properties: { responseInformation: expect.anything() } },
    ]);
  });

  test.each([
    [4, false],
    [3, true],
    [3, false],
  ] as const)(
    "below 5.0 an empty client id is refused with 2 (level %i, clean session %s)",
    (protocolLevel, cleanStart) => {
      const home = new TestHome();
      const client = home.client("owner", { protocolLevel, cleanStart, mqttClientId: "" });
      expect(client.take()).toMatchObject([{ type: "connack", reasonCode: 2 }]);
      expect(client.isClosed).toBe(true);
    },
  );

  test("a level that is not known gets 0x84, and a first packet that is not CONNECT only a close", () => {
    const home = new TestHome();
    const future = home.socket("owner");
    future.sendBytes(new Uint8Array([0x10, 0x0c, 0, 4, 0x4d, 0x51, 0x54, 0x54, 6, 2, 0, 0, 0, 0]));
    expect(future.isClosed).toBe(true);
    expect(future.take()).toMatchObject([{ type: "connack" }]);
    const rude = home.socket("owner");
    rude.send({ type: "pingreq" });
    expect(rude.take()).toEqual([]);
    expect(rude.closeCode).toBe(1002);
  });

  test("a second CONNECT is a protocol error", () => {
    const client = new TestHome().client("owner", { properties: { requestProblemInformation: 1 } });
    client.take();
    client.send(connectPacket());
    expect(client.take()).toEqual([
      { type: "disconnect", reasonCode: 0x82, properties: { reasonString: "a second CONNECT" } },
    ]);
    expect(client.isClosed).toBe(true);
  });

  test.each([
    ["wants no problem information", { properties: { requestProblemInformation: 0 } } as const],
    ["does not ask for it", {}],
  ])("a client that %s gets no reason strings", (_, options) => {
    const client = new TestHome().client("owner", options);
    client.take();
    client.send(connectPacket());
    expect(client.take()).toEqual([{ type: "disconnect", reasonCode: 0x82 }]);
  });
});

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
    const client = home.client("owner");
    client.take();
    for (let packetId = 1; packetId <= 4; packetId++) client.publish("a", "x", { qos: 2, packetId });
    expect(client.take().at(-1)).toEqual({ type: "disconnect", reasonCode: 0x93 });
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
});

describe("topic aliases", () => {
  test("a client's alias stands for its topic, until it is given another", () => {
    const home = new TestHome();
    const client = home.client("owner");
    client.subscribe("#");
    client.publish("a", "1", { properties: { topicAlias: 1 } });
    home.evict();
    client.publish("", "2", { properties: { topicAlias: 1 } });
    client.publish("b", "3", { properties: { topicAlias: 1 } });
    client.publish("", "4", { properties: { topicAlias: 1 } });
    expect(client.takeMessages()).toEqual(["a=1", "a=2", "b=3", "b=4"]);
  });

  test.each([
    ["above the maximum", 17, "a", 0x94],
    ["that was never given a topic", 3, "", 0x82],
  ])("an alias %s closes the connection", (_, topicAlias, name, code) => {
    const client = new TestHome().client("owner");
    client.take();
    client.publish(name, "x", { properties: { topicAlias } });
    expect(client.take()).toEqual([{ type: "disconnect", reasonCode: code }]);
  });

  test("a client that takes aliases gets them, within its maximum, and across an eviction", () => {
    const home = new TestHome();
    const client = home.client("owner", { properties: { topicAliasMaximum: 1 } });
    client.subscribe("#");
    client.take();
    client.publish("a", "1");
    client.publish("b", "2");
    home.evict();
    client.publish("a", "3");
    expect(client.take()).toMatchObject([
      { topicName: "a", properties: { topicAlias: 1 } },
      { topicName: "b" },
      { topicName: "", properties: { topicAlias: 1 } },
    ]);
  });
});

describe("subscriptions", () => {
  test("overlapping ones give one copy with the highest QoS and every identifier", () => {
    const client = new TestHome().client("owner");
    client.subscribe("a/#", { qos: 0 }, { subscriptionIdentifiers: [3] });
    client.subscribe("a/+", { qos: 2 }, { subscriptionIdentifiers: [4] });
    client.take();
    client.publish("a/b", "x", { qos: 1 });
    const [, message] = client.take();
    expect(message).toMatchObject({ qos: 1, properties: { subscriptionIdentifiers: [3, 4] } });
  });

  test("No Local keeps a client's own messages from it, and the others' not", () => {
    const home = new TestHome();
    const one = home.client("owner", { mqttClientId: "one" });
    const two = home.client("owner", { mqttClientId: "two" });
    for (const client of [one, two]) client.subscribe("a", { noLocal: true });
    one.publish("a", "x");
    expect(one.takeMessages()).toEqual([]);
    expect(two.takeMessages()).toEqual(["a=x"]);
  });

  test("RETAIN is cleared for an existing subscription unless it asked for it as published", () => {
    const home = new TestHome();
    const client = home.client("owner");
    client.subscribe("a");
    client.subscribe("b", { retainAsPublished: true });
    client.take();
    client.publish("a", "1", { retain: true });
    client.publish("b", "2", { retain: true });
    expect(client.take()).toMatchObject([{ retain: false }, { retain: true }]);
  });

  test.each([
    [0, 1, 1],
    [1, 1, 0],
    [2, 0, 0],
  ] as const)(
    "retain handling %i sends %i at first and %i when subscribed again",
    (retainHandling, first, again) => {
      const home = new TestHome();
      const client = home.client("owner");
      client.publish("a", "x", { retain: true });
      client.subscribe("a", { retainHandling });
      expect(client.takeMessages()).toHaveLength(first);
      client.subscribe("a", { retainHandling });
      expect(client.takeMessages()).toHaveLength(again);
    },
  );

  test("UNSUBSCRIBE ends it and says whether there was one", () => {
    const client = new TestHome().client("owner");
    client.subscribe("a");
    client.take();
    client.send({ type: "unsubscribe", packetId: 3, topicFilters: ["a", "b"] as never });
    client.publish("a", "x");
    expect(client.take()).toEqual([{ type: "unsuback", packetId: 3, reasonCodes: [0, 0x11] }]);
  });

  test("a share group gets each message once, in turn, and no retained ones", () => {
    const home = new TestHome();
    const members = ["one", "two"].map((mqttClientId) => home.client("owner", { mqttClientId }));
    const publisher = home.client("owner", { mqttClientId: "p" });
    publisher.publish("a", "old", { retain: true });
    for (const member of members) member.subscribe("$share/group/a", { qos: 1 });
    for (const value of ["1", "2", "3", "4"]) publisher.publish("a", value, { qos: 1 });
    expect(members.map((member) => member.takeMessages())).toEqual([
      ["a=1", "a=3"],
      ["a=2", "a=4"],
    ]);
  });

  test("a share group passes over a member that is away while another is there", () => {
    const home = new TestHome();
    const away = home.client("owner", lasting);
    const here = home.client("owner", { mqttClientId: "here" });
    for (const member of [away, here]) member.subscribe("$share/group/a", { qos: 1 });
    away.vanish();
    for (const value of ["1", "2"]) here.publish("a", value, { qos: 1 });
    expect(here.takeMessages()).toEqual(["a=1", "a=2"]);
    for (const packetId of [1, 2]) here.send({ type: "puback", packetId, reasonCode: 0 });
    here.disconnect();
    home.client("owner", { mqttClientId: "p" }).publish("a", "3", { qos: 1 });
    expect(home.client("owner", lasting).takeMessages()).toEqual(["a=3"]);
  });
});

describe("messages", () => {
  test("the properties of a message travel with it", () => {
    const client = new TestHome().client("owner");
    client.subscribe("a", { qos: 1 });
    client.take();
    const properties: Publish["properties"] = {
      payloadFormatIndicator: 1,
      contentType: "text/plain",
      responseTopic: topic("b"),
      correlationData: new Uint8Array([1, 2]),
      userProperties: [
        ["k", "1"],
        ["k", "2"],
      ],
    };
    client.publish("a", "x", { qos: 1, properties });
    expect(client.take()[1]).toMatchObject({ properties });
  });

  test("a message that waits loses its lifetime, and is not sent when that is over", () => {
    const home = new TestHome();
    home.client("owner", lasting).subscribe("a", { qos: 1 });
    home.client("owner", { ...lasting }).vanish();
    const other = home.client("owner", { mqttClientId: "other" });
    other.publish("a", "short", { qos: 1, properties: { messageExpiryInterval: 10 } });
    other.publish("a", "long", { qos: 1, properties: { messageExpiryInterval: 100 } });
    home.pass(30_000);
    const back = home.client("owner", lasting);
    expect(back.take().slice(1)).toMatchObject([{ properties: { messageExpiryInterval: 70 } }]);
  });

  test("a retained message ends with its lifetime", () => {
    const home = new TestHome();
    const client = home.client("owner");
    client.publish("a", "x", { retain: true, properties: { messageExpiryInterval: 10 } });
    home.pass(4000);
    client.subscribe("a");
    expect(client.take().at(-1)).toMatchObject({ retain: true, properties: { messageExpiryInterval: 6 } });
    home.pass(7000);
    client.subscribe("a");
    expect(client.takeMessages()).toEqual([]);
  });
});

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

  test("a delayed will waits for its delay", () => {
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

  test("the session's end sends a delayed will early", () => {
    const { home, witness } = watched();
    home.client("owner", { ...lasting, properties: { sessionExpiryInterval: 10 }, will: will(60) }).vanish();
    home.pass(10_000);
    expect(witness.takeMessages()).toEqual(["will=w"]);
    home.client("owner", { ...lasting, will: will(60) }).vanish();
    home.client("owner", { ...lasting, cleanStart: true });
    expect(witness.takeMessages()).toEqual(["will=w"]);
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

describe("enhanced authentication", () => {
  const method = { authenticationMethod: "OAUTHBEARER" };
  const bearer = (token: string) => ({
    ...method,
    authenticationData: new TextEncoder().encode(`n,,\u0001auth=Bearer ${token}\u0001\u0001`),
  });

  function home() {
    const made = new TestHome();
    made.tokens.set("first", authorityOf("device", { expiresAtMs: made.nowMs + 60_000 }, made.nowMs));
    made.tokens.set("second", authorityOf("device", { expiresAtMs: made.nowMs + 600_000 }, made.nowMs));
    made.tokens.set("other", authorityOf("device", { handle: "dh2" }, made.nowMs));
    return made;
  }

  /** A device that put its token into Authentication Data. */
  function connected(made: TestHome) {
    const device = made.socket("device", { token: "first" });
    device.send({ ...connectPacket(), properties: bearer("first") });
    expect(device.take()).toMatchObject([{ type: "connack", reasonCode: 0, properties: method }]);
    return device;
  }

  test("AUTH with a new token prolongs the connection [MQTT-4.12.0-5]", () => {
    const made = home();
    const device = connected(made);
    device.send({ type: "auth", reasonCode: 0x19, properties: bearer("second") });
    expect(device.take()).toEqual([{ type: "auth", reasonCode: 0, properties: method }]);
    made.pass(120_000);
    expect(device.isClosed).toBe(false);
  });

  test.each(["other", "unknown"])(
    "AUTH with a token that does not fit (%s) disconnects with 0x87 [MQTT-4.12.1-2]",
    (token) => {
      const device = connected(home());
      device.send({ type: "auth", reasonCode: 0x19, properties: bearer(token) });
      expect(device.take()).toEqual([{ type: "disconnect", reasonCode: 0x87 }]);
    },
  );

  test("AUTH without a method in CONNECT, or out of order, is a protocol error", () => {
    const plain = home().client("device");
    plain.take();
    plain.send({ type: "auth", reasonCode: 0x19, properties: bearer("second") });
    expect(plain.take()).toEqual([{ type: "disconnect", reasonCode: 0x82 }]);
    const device = connected(home());
    device.send({ type: "auth", reasonCode: 0x18, properties: bearer("second") });
    expect(device.take()).toEqual([{ type: "disconnect", reasonCode: 0x82 }]);
  });

  test("a method that is not offered is refused with 0x8C", () => {
    const client = home().client("device", { properties: { authenticationMethod: "SCRAM-SHA-1" } });
    expect(client.take()).toMatchObject([{ type: "connack", reasonCode: 0x8c }]);
  });
});

describe("limits", () => {
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

  test("one app's sessions leave room for the others", () => {
    const home = new TestHome({ sessionsOfOne: 2 });
    home.claim("dh1");
    home.consent("app1", { dh1: ["read"] });
    const connected = (kind: "app" | "device" | "owner", mqttClientId: string) =>
      home.client(kind, { mqttClientId, properties: { sessionExpiryInterval: 100 } }).take()[0];
    expect(["a", "b", "c"].map((id) => connected("app", id))).toMatchObject([
      { reasonCode: 0 },
      { reasonCode: 0 },
      { reasonCode: 0x97 },
    ]);
    expect(connected("app", "a")).toMatchObject({ reasonCode: 0 });
    expect(connected("device", "a")).toMatchObject({ reasonCode: 0 });
    expect(["a", "b", "c"].map((id) => connected("owner", id))[2]).toMatchObject({ reasonCode: 0 });
  });

  test("sockets that have shown no token are bounded, and take no room from those that have", () => {
    const home = new TestHome({ strangers: 2, connections: 1 });
    for (let i = 0; i < 2; i++) home.socket("device", { token: "t" });
    expect(home.broker.hasRoomForStranger).toBe(false);
    expect(home.client("device").take()).toMatchObject([{ reasonCode: 0 }]);
    home.pass(11_000);
    expect(home.broker.hasRoomForStranger).toBe(true);
  });

  test("subscriptions, sessions and retained topics are bounded", () => {
    const home = new TestHome({ subscriptions: 1, sessions: 2, retainedMessages: 1 });
    const client = home.client("owner", { mqttClientId: "a" });
    expect([client.subscribe("a"), client.subscribe("b"), client.subscribe("a")]).toEqual([0, 0x97, 0]);
    client.take();
    client.publish("a", "x", { retain: true });
    client.publish("b", "x", { retain: true, qos: 1 });
    client.publish("a", "y", { retain: true, qos: 1 });
    const codes = client.take().flatMap((packet) => (packet.type === "puback" ? [packet.reasonCode] : []));
    expect(codes).toEqual([0x97, 0]);
    home.client("owner", { mqttClientId: "b" });
    expect(home.client("owner", { mqttClientId: "c" }).take()).toMatchObject([{ reasonCode: 0x97 }]);
  });

  test("deep topic filters count by their levels, for each device and app and for all of the user", () => {
    const home = new TestHome({ filterLevels: 30, filterLevelsOfOne: 12 });
    home.claim("dh1");
    const [one, two] = ["a", "b"].map((mqttClientId) => home.client("device", { mqttClientId }));
    const owner = home.client("owner");
    const deep = (name: string) => `${name}/2/3/4/5/6`;
    expect([one?.subscribe(deep("a")), two?.subscribe(deep("a")), two?.subscribe("b")]).toEqual([0, 0, 0x97]);
    expect([owner.subscribe(deep("a")), owner.subscribe(deep("b")), owner.subscribe(deep("c"))]).toEqual([
      0, 0, 0,
    ]);
    expect([owner.subscribe(deep("c")), owner.subscribe("d")]).toEqual([0, 0x97]);
    home.evict();
    one?.send({ type: "unsubscribe", packetId: 1, topicFilters: [deep("a") as TopicFilter] });
    expect([two?.subscribe("b/2/3/4/5/6"), owner.subscribe("d")]).toEqual([0, 0x97]);
  });

  test("long topic filters count by their length", () => {
    const client = new TestHome({ subscriptionCharacters: 30 }).client("owner");
    expect(
      ["a".repeat(20), "b".repeat(20), "c".repeat(10)].map((filter) => client.subscribe(filter)),
    ).toEqual([0, 0x97, 0]);
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

  test("a client that takes no packet of CONNACK's size is let go without one", () => {
    const client = new TestHome().client("owner", { properties: { maximumPacketSize: 5 } });
    expect([client.take(), client.isClosed]).toEqual([[], true]);
  });

  test("a queue keeps the oldest up to its bounds", () => {
    const home = new TestHome({ queuedMessages: 3, queuedBytes: 1000 });
    home.client("owner", lasting).subscribe("#", { qos: 1 });
    home.client("owner", lasting).vanish();
    const other = home.client("owner", { mqttClientId: "other" });
    other.publish("a", "1", { qos: 1 });
    other.publish("a", new Uint8Array(999), { qos: 1 });
    for (const value of ["2", "3", "4"]) other.publish("a", value, { qos: 1 });
    expect(home.client("owner", lasting).takeMessages()).toEqual(["a=1", "a=2", "a=3"]);
  });

  test("properties take room in a queue as payloads do", () => {
    const home = new TestHome({ queuedBytes: 3000 });
    home.client("owner", lasting).subscribe("#", { qos: 1 });
    home.client("owner", lasting).vanish();
    const other = home.client("owner", { mqttClientId: "other" });
    const properties = { userProperties: [["k", "x".repeat(1400)]] } as const;
    for (const value of ["1", "2", "3"]) other.publish("a", value, { qos: 1, properties });
    expect(home.client("owner", lasting).takeMessages()).toEqual(["a=1", "a=2"]);
  });

  test("topics that are too deep are refused", () => {
    const home = new TestHome({ topicLevels: 3 });
    const client = home.client("owner");
    expect(client.subscribe("a/b/c/d")).toBe(0x8f);
    client.take();
    client.publish("a/b/c/d", "x", { qos: 1 });
    expect(client.take()).toMatchObject([{ type: "puback", reasonCode: 0x90 }]);
  });

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

  test("a reader that stands still is spared QoS 0 after a while, and nobody else is", () => {
    const home = new TestHome({ unheardBytes: 1000, unheardBytesPerSecond: 100 });
    const still = home.client("owner", { mqttClientId: "still" });
    const lively = home.client("owner", { mqttClientId: "lively" });
    for (const client of [still, lively]) client.subscribe("a");
    for (const client of [still, lively]) client.take();
    for (let i = 0; i < 20; i++) lively.publish("a", new Uint8Array(99));
    expect([still.takeMessages().length, lively.takeMessages().length]).toEqual([10, 20]);
    home.pass(2000);
    for (let i = 0; i < 20; i++) lively.publish("a", new Uint8Array(99));
    expect(still.takeMessages()).toHaveLength(2);
    still.send({ type: "pingreq" });
    lively.publish("a", "heard");
    expect(still.takeMessages()).toEqual(["a=heard"]);
  });

  test("what is held before the client is known is bounded", () => {
    const home = new TestHome({ maximumPacketBytes: 1000 });
    home.answersAtOnce = false;
    const client = home.client("device", { token: "slow" });
    for (let i = 0; i < 10; i++) client.publish("a", new Uint8Array(200));
    expect(client.closeCode).toBe(1009);
  });
});

describe("$SYS", () => {
  test("tells the owner, at once and every minute while listened to", () => {
    const home = new TestHome();
    const owner = home.client("owner");
    owner.subscribe("$SYS/broker/clients/#");
    expect(owner.takeMessages()).toEqual(["$SYS/broker/clients/connected=1", "$SYS/broker/clients/total=1"]);
    home.client("device");
    home.pass(61_000);
    expect(owner.takeMessages()).toContain("$SYS/broker/clients/connected=2");
    owner.disconnect();
    home.alarmAtMs = home.nowMs;
    home.pass(1);
    expect(home.alarmAtMs).toBeGreaterThan(home.nowMs + 3_600_000);
  });

  test("is not there for a device, nor matched by a leading wildcard", () => {
    const home = new TestHome();
    const device = home.client("device");
    device.subscribe("$SYS/#");
    const owner = home.client("owner");
    owner.subscribe("#");
    owner.subscribe("+/broker/#");
    home.pass(120_000);
    expect([device.takeMessages(), owner.takeMessages()]).toEqual([[], []]);
  });
});

describe("a client that closes while it is being identified", () => {
  test("has what it sent carried out, and no will after a DISCONNECT", () => {
    const home = new TestHome();
    home.tokens.set("t", authorityOf("owner", {}, home.nowMs));
    const witness = home.client("owner", { mqttClientId: "witness" });
    witness.subscribe("#");
    home.answersAtOnce = false;
    const hasty = home.socket("owner", { token: "t" });
    hasty.send(
      connectPacket({
        token: "t",
        mqttClientId: "hasty",
        will: { topicName: topic("will"), payload: new Uint8Array(), qos: 0, retain: false },
      }),
      publishPacket("a", "x"),
      { type: "disconnect", reasonCode: 0 },
    );
    hasty.vanish();
    home.answer();
    expect(witness.takeMessages()).toEqual(["a=x"]);
  });
});

test("a subscription by name finds its retained message without looking further", () => {
  const home = new TestHome();
  const client = home.client("owner");
  client.publish("a/b", "1", { retain: true });
  client.publish("a", "2", { retain: true });
  client.send(subscribePacket("a/b"), subscribePacket("a/#"));
  expect(client.takeMessages()).toEqual(["a/b=1", "a=2", "a/b=1"]);
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

describe("a client that takes small packets only", () => {
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
