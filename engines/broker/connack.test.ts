import { describe, expect, test } from "vitest";
import type { TopicName } from "../mqtt/packet.ts";
import { authorityOf, connectPacket, publishPacket, TestHome } from "./test-home.ts";

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

  test("a CONNECT of 5.0 that cannot be read is refused with the reason in words, one below with a close", () => {
    const home = new TestHome();
    const [five, four] = [5, 4].map((level) => {
      const client = home.socket("owner");
      // Connect flags with the reserved one
      const properties = level === 5 ? [0] : [];
      const body = [0, 4, 0x4d, 0x51, 0x54, 0x54, level, 3, 0, 0, ...properties, 0, 1, 0x63];
      client.sendBytes(new Uint8Array([0x10, body.length, ...body]));
      expect(client.isClosed).toBe(true);
      return client.take();
    });
    expect(five).toMatchObject([
      { type: "connack", reasonCode: 0x81, properties: { reasonString: "CONNECT: reserved flag" } },
    ]);
    expect(four).toEqual([]);
  });

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
        will: { topicName: "will" as TopicName, payload: new Uint8Array(), qos: 0, retain: false },
      }),
      publishPacket("a", "x"),
      { type: "disconnect", reasonCode: 0 },
    );
    hasty.vanish();
    home.answer();
    expect(witness.takeMessages()).toEqual(["a=x"]);
  });
});
