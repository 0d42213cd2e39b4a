import { behaviour } from "../support/behaviour.ts";
import { str, utf8 } from "../support/bytes.ts";

// No packet identifier, no answer: [MQTT-2.2.1-2] [MQTT-3.3.4-1] [MQTT-3.1.1:2.3.1-5] [MQTT-3.1.1:3.3.4-1]
// [MQTT-3.1.1:4.3.1-1]
behaviour(
  "a QoS 0 message reaches a subscriber once, unchanged [MQTT-4.3.1-1]",
  async ({ open, subscribe, topic, none }) => {
    const subscriber = await open();
    await subscribe(subscriber, topic(), 0);
    const publisher = await open();
    publisher.send(0x30, str(topic()), none, utf8("hi")); // PUBLISH, QoS 0
    await subscriber.receives(0x30, str(topic()), none, utf8("hi"));
    await subscriber.receivesNothing();
    await publisher.receivesNothing(); // no acknowledgement
  },
);
