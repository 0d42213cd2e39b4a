import { describe, expect, test } from "vitest";
import { TestHome } from "./test-home.ts";

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
