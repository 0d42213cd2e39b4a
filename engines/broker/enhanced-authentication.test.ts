import { describe, expect, test } from "vitest";
import { authorityOf, connectPacket, TestHome } from "./test-home.ts";

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

  test("AUTH by another method than CONNECT's is a protocol error [MQTT-4.12.1-1]", () => {
    const device = connected(home());
    const properties = { ...bearer("second"), authenticationMethod: "PLAIN" };
    device.send({ type: "auth", reasonCode: 0x19, properties });
    expect(device.take()).toEqual([{ type: "disconnect", reasonCode: 0x82 }]);
  });

  test("a method that is not offered is refused with 0x8C", () => {
    const client = home().client("device", { properties: { authenticationMethod: "SCRAM-SHA-1" } });
    expect(client.take()).toMatchObject([{ type: "connack", reasonCode: 0x8c }]);
  });
});
