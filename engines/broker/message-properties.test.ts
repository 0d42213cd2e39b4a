import { describe, expect, test } from "vitest";
import type { Publish, TopicName } from "../mqtt/packet.ts";
import { lasting, TestHome } from "./test-home.ts";

describe("messages", () => {
  test("the properties of a message travel with it", () => {
    const client = new TestHome().client("owner");
    client.subscribe("a", { qos: 1 });
    client.take();
    const properties: Publish["properties"] = {
      payloadFormatIndicator: 1,
      contentType: "text/plain",
      responseTopic: "b" as TopicName,
      correlationData: new Uint8Array([1, 2]),
      userProperties: [
        ["k", "1"],
        ["k", "2"],
      ],
    };
    client.publish("a", "x", { qos: 1, properties });
    expect(client.take()[1]).toMatchObject({ properties });
  });

  test("a message that waits loses its lifetime, and is not sent when that is over [MQTT-3.3.2-5] [MQTT-3.3.2-6]", () => {
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
