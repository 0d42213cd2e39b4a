import { expect, test } from "vitest";
import { publishPacket, TestHome } from "../../../engines/broker/test-home.ts";

const lasting = { mqttClientId: "s", cleanStart: false, properties: { sessionExpiryInterval: 3600 } };

test("a QoS 2 message that has been sent does not expire any more [MQTT-4.3.3-7]", () => {
  const home = new TestHome();
  const subscriber = home.client("owner", lasting);
  subscriber.subscribe("t", { qos: 2 });
  const publisher = home.client("owner", { mqttClientId: "p" });
  publisher.publish("t", "hi", { qos: 2, properties: { messageExpiryInterval: 10 } });
  publisher.send({ type: "pubrel", packetId: 7, reasonCode: 0 });
  expect(subscriber.takeMessages()).toEqual(["t=hi"]);
  subscriber.vanish();
  home.pass(60_000);
  const again = home.client("owner", lasting);
  expect(again.takeMessages()).toEqual(["t=hi"]);
});

test("expiry does not stop the handshake with the publisher [MQTT-4.3.3-13]", () => {
  const home = new TestHome();
  const publisher = home.client("owner", { mqttClientId: "p" });
  publisher.take();
  publisher.publish("t", "hi", { qos: 2, properties: { messageExpiryInterval: 1 } });
  home.pass(60_000);
  publisher.send({ type: "pubrel", packetId: 7, reasonCode: 0 });
  expect(publisher.take().map(({ type }) => type)).toEqual(["pubrec", "pubcomp"]);
});

test("after a refusing PUBREC the same identifier is a new message [MQTT-4.3.3-9]", () => {
  const home = new TestHome();
  const subscriber = home.client("owner", { mqttClientId: "s" });
  subscriber.subscribe("#", { qos: 0 });
  const publisher = home.client("owner", {
    mqttClientId: "p",
    permissions: [["allowed/#", ["pub", "sub"]]],
  });
  publisher.take();
  publisher.send(publishPacket("forbidden", "no", { qos: 2, packetId: 5 }));
  expect(publisher.take()).toMatchObject([{ type: "pubrec", packetId: 5, reasonCode: 0x87 }]);
  publisher.send(publishPacket("allowed/a", "yes", { qos: 2, packetId: 5 }));
  publisher.send({ type: "pubrel", packetId: 5, reasonCode: 0 });
  expect(publisher.take()).toMatchObject([
    { type: "pubrec", packetId: 5, reasonCode: 0 },
    { type: "pubcomp", packetId: 5 },
  ]);
  expect(subscriber.takeMessages()).toEqual(["allowed/a=yes"]);
});
