import { behaviour } from "../support/behaviour.ts";
import { str, utf8 } from "../support/bytes.ts";

behaviour(
  "with No Local a client does not get its own messages [MQTT-3.8.3-3]",
  async ({ open, topic, subscribe, publish }) => {
    const client = await open();
    await subscribe(client, topic(), 0, 0x04);
    await publish(client, topic(), "mine");
    await client.receivesNothing();
    await publish(await open(), topic(), "another's");
    await client.receives(0x30, str(topic()), 0, utf8("another's"));
  },
  { levels: [5] },
);

behaviour(
  "a subscription without No Local brings a client its own messages beside one with it [MQTT-3.8.3-3]",
  async ({ open, topic, subscribe, publish }) => {
    const client = await open();
    await subscribe(client, topic("+"), 1, 0x04);
    await subscribe(client, topic("#"), 0);
    await publish(client, topic("a"), "mine");
    await client.receives(0x30, str(topic("a")), 0, utf8("mine")); // by the second, at its QoS
    await client.receivesNothing();
  },
  { levels: [5] },
);
