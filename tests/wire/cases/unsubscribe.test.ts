import { behaviour } from "../support/behaviour.ts";
import { str, utf8 } from "../support/bytes.ts";

// Two filters, one answer, its codes in order: [MQTT-2.2.1-6] [MQTT-3.10.4-6] [MQTT-3.11.3-1]
// [MQTT-3.1.1:3.10.4-1] [MQTT-3.1.1:3.10.4-2] [MQTT-3.1.1:3.10.4-5] [MQTT-3.1.1:3.10.4-6]
behaviour(
  "UNSUBSCRIBE ends exactly the named subscriptions and is always answered [MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.1.1:3.10.4-4]",
  async ({ open, topic, subscribe, publish, none, level }) => {
    const client = await open();
    await subscribe(client, topic("a"), 0);
    await subscribe(client, topic("+"), 0);
    client.send(0xa2, [0, 9], none, str(topic("+")), str(topic("none"))); // UNSUBSCRIBE
    // 5.0 has a code for each filter: success, no subscription existed
    await client.receives(0xb0, [0, 9], none, level === 5 ? [0x00, 0x11] : []);
    const publisher = await open();
    await publish(publisher, topic("b"), "gone");
    await publish(publisher, topic("a"), "still");
    await client.receives(0x30, str(topic("a")), none, utf8("still"));
    await client.receivesNothing();
  },
);
