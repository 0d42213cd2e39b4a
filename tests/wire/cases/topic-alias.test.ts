import { behaviour } from "../support/behaviour.ts";
import { list, str, u16, utf8 } from "../support/bytes.ts";

behaviour(
  "every alias up to the announced maximum can be used [MQTT-3.3.2-12]",
  async ({ dial, connect, topic, subscribe }) => {
    const client = await dial();
    client.sendConnect(connect());
    const { properties } = await client.isAccepted();
    const maximum = properties?.topicAliasMaximum ?? 0;
    await subscribe(client, topic("+"), 0);
    for (const alias of [maximum, 1]) client.send(0x30, str(topic(`${alias}`)), list(0x23, u16(alias)), []);
    for (const alias of [1, maximum]) client.send(0x30, str(""), list(0x23, u16(alias)), []);
    for (const alias of [maximum, 1, 1, maximum])
      await client.receivesPublish({ firstByte: 0x30, topic: topic(`${alias}`), payload: "" });
  },
  { levels: [5] },
);

behaviour(
  "a topic alias stands for the topic it was set to last, on its own connection [MQTT-3.3.2-7] [MQTT-3.3.2-12]",
  async ({ open, topic, subscribe }) => {
    const subscriber = await open();
    await subscribe(subscriber, topic("+"), 0);
    const publisher = await open();
    const alias = list(0x23, 0, 1);
    publisher.send(0x30, str(topic("a")), alias, utf8("1")); // sets it
    publisher.send(0x30, str(""), alias, utf8("2")); // uses it
    publisher.send(0x30, str(topic("b")), alias, utf8("3")); // sets it anew
    publisher.send(0x30, str(""), alias, utf8("4"));
    for (const [name, payload] of [
      ["a", "1"],
      ["a", "2"],
      ["b", "3"],
      ["b", "4"],
    ] as const) {
      await subscriber.receivesPublish({ firstByte: 0x30, topic: topic(name), payload });
    }
    const other = await open();
    other.send(0x30, str(""), alias, utf8("5")); // not known here
    await other.isDisconnected(0x82, 0x94);
  },
  { levels: [5] },
);
