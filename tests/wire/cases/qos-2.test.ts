import { behaviour } from "../support/behaviour.ts";
import { str, u16, utf8 } from "../support/bytes.ts";

// Each of the four repeats the identifier: [MQTT-2.2.1-5] [MQTT-3.3.4-1] [MQTT-4.3.3-4]
// [MQTT-3.1.1:2.3.1-6] [MQTT-3.1.1:3.3.4-1] [MQTT-3.1.1:4.3.3-1]
behaviour(
  "QoS 2, both ways [MQTT-4.3.3-2] [MQTT-4.3.3-8] [MQTT-4.3.3-11] [MQTT-3.1.1:4.3.3-2]",
  async ({ open, subscribe, topic, none }) => {
    const subscriber = await open();
    await subscribe(subscriber, topic(), 2);
    const publisher = await open();
    publisher.send(0x34, str(topic()), u16(1), none, utf8("hi")); // PUBLISH, QoS 2
    await publisher.receives(0x50, u16(1)); // PUBREC
    publisher.send(0x62, u16(1)); // PUBREL
    await publisher.receives(0x70, u16(1)); // PUBCOMP
    const id = await subscriber.receivesPublish({ firstByte: 0x34, topic: topic(), payload: "hi" });
    subscriber.send(0x50, u16(id));
    await subscriber.receives(0x62, u16(id));
    subscriber.send(0x70, u16(id));
    await subscriber.receivesNothing();
  },
);
