import { expect, test } from "vitest";
import { publishPacket, TestHome } from "../../../engines/broker/test-home.ts";

const lasting = { mqttClientId: "s", cleanStart: false, properties: { sessionExpiryInterval: 3600 } };

test("a session is kept until its expiry interval has passed, and then is gone [MQTT-3.1.2-23] [MQTT-4.1.0-2]", () => {
  for (const [awayMs, sessionPresent] of [
    [3_599_000, true],
    [3_601_000, false],
  ] as const) {
    const home = new TestHome();
    home.client("owner", lasting).vanish();
    home.pass(awayMs);
    expect(home.client("owner", lasting).take()).toMatchObject([{ type: "connack", sessionPresent }]);
  }
});

test("a message that expires while its subscriber is away is not delivered [MQTT-3.3.2-5]", () => {
  const home = new TestHome();
  const away = home.client("owner", lasting);
  away.subscribe("t", { qos: 1 });
  away.vanish();
  const publisher = home.client("owner", { mqttClientId: "p" });
  publisher.publish("t", "short", { qos: 1, properties: { messageExpiryInterval: 10 } });
  publisher.publish("t", "long", { qos: 1, properties: { messageExpiryInterval: 100 } });
  home.pass(11_000);
  const back = home.client("owner", lasting);
  expect(back.takeMessages()).toEqual(["t=long"]);
});

test("3.1.1 has no way to refuse a PUBLISH: it is acknowledged and goes nowhere [MQTT-3.1.1:3.3.5-2]", () => {
  const home = new TestHome();
  const witness = home.client("owner", { mqttClientId: "w" });
  witness.subscribe("#");
  witness.take();
  const publisher = home.client("owner", {
    mqttClientId: "p",
    protocolLevel: 4,
    permissions: [["allowed/#", ["pub"]]],
  });
  publisher.take();
  publisher.send(publishPacket("forbidden", "no", { qos: 1, packetId: 5 }));
  expect(publisher.take()).toEqual([{ type: "puback", packetId: 5, reasonCode: 0 }]);
  expect(witness.takeMessages()).toEqual([]);
  expect(publisher.isClosed).toBe(false);
});
