import { behaviour } from "../support/behaviour.ts";
import { str, u16, utf8 } from "../support/bytes.ts";

// Both sides keep the order: [MQTT-3.1.1:4.6.0-2] [MQTT-3.1.1:4.6.0-5]
behaviour(
  "messages of one topic and QoS arrive in the order sent [MQTT-4.6.0-5] [MQTT-3.1.1:4.6.0-6]",
  async ({ open, subscribe, topic, none }) => {
    const subscriber = await open();
    await subscribe(subscriber, topic(), 1);
    const publisher = await open();
    for (let i = 1; i <= 20; i++) publisher.send(0x32, str(topic()), u16(i), none, utf8(`${i}`));
    for (let i = 1; i <= 20; i++) {
      const id = await subscriber.receivesPublish({ firstByte: 0x32, topic: topic(), payload: `${i}` });
      subscriber.send(0x40, u16(id));
    }
    // [MQTT-4.6.0-2] PUBACKs in the order of the messages
    for (let i = 1; i <= 20; i++) await publisher.isAcknowledged("puback", i);
  },
);
