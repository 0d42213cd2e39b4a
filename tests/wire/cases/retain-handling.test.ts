import { behaviour } from "../support/behaviour.ts";
import { packet, str, utf8 } from "../support/bytes.ts";

behaviour(
  "retain handling: 0 always, 1 if the subscription is new, 2 never [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]",
  async ({ open, topic, retain, subscribe }) => {
    const client = await open();
    await retain(client, topic(), "hi");
    const suback = packet(0x90, [0, 1], 0, 0);
    const message = packet(0x31, str(topic()), 0, utf8("hi"));
    await subscribe(client, topic(), 0, 0x20); // 2
    await client.receivesNothing();
    await subscribe(client, topic(), 0, 0x10); // 1, exists
    await client.receivesNothing();
    client.send(0x82, [0, 1], 0, str(topic()), 0x00); // 0
    await client.receivesInAnyOrder(suback, message);
    client.send(0xa2, [0, 2], 0, str(topic())); // UNSUBSCRIBE
    await client.receives(0xb0, [0, 2], 0, 0);
    client.send(0x82, [0, 1], 0, str(topic()), 0x10); // 1, new again
    await client.receivesInAnyOrder(suback, message);
    await client.receivesNothing();
  },
  { levels: [5] },
);
