import { behaviour } from "../support/behaviour.ts";
import { str, u16, utf8 } from "../support/bytes.ts";

// The acknowledgement repeats the identifier: [MQTT-2.2.1-5] [MQTT-3.3.4-1] [MQTT-4.3.2-2]
// [MQTT-3.1.1:2.3.1-6] [MQTT-3.1.1:3.3.4-1] [MQTT-3.1.1:4.3.2-1]
behaviour(
  "QoS 1, both ways [MQTT-4.3.2-1] [MQTT-4.3.2-4] [MQTT-3.1.1:4.3.2-2]",
  async ({ open, subscribe, topic, none }) => {
    const subscriber = await open();
    await subscribe(subscriber, topic(), 1);
    const publisher = await open();
    publisher.send(0x32, str(topic()), u16(65_535), none, utf8("hi")); // PUBLISH, QoS 1
    await publisher.receives(0x40, u16(65_535)); // PUBACK, success
    const id = await subscriber.receivesPublish({ firstByte: 0x32, topic: topic(), payload: "hi" });
    subscriber.send(0x40, u16(id));
    await subscriber.receivesNothing();
  },
);
