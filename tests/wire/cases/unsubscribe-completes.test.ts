import { behaviour } from "../support/behaviour.ts";
import { str, u16, utf8 } from "../support/bytes.ts";

behaviour(
  "a delivery that has begun is completed after UNSUBSCRIBE [MQTT-3.10.4-3] [MQTT-3.1.1:3.10.4-3]",
  async ({ open, subscribe, topic, none, level }) => {
    const subscriber = await open();
    await subscribe(subscriber, topic(), 2);
    const publisher = await open();
    publisher.send(0x34, str(topic()), u16(1), none, utf8("hi"));
    publisher.send(0x62, u16(1));
    const id = await subscriber.receivesPublish({ firstByte: 0x34, topic: topic(), payload: "hi" });
    subscriber.send(0xa2, u16(2), none, str(topic())); // UNSUBSCRIBE
    await subscriber.receives(0xb0, u16(2), none, level === 5 ? [0x00] : []);
    subscriber.send(0x50, u16(id)); // PUBREC
    await subscriber.receives(0x62, u16(id)); // PUBREL
    subscriber.send(0x70, u16(id)); // PUBCOMP
    await subscriber.receivesNothing();
  },
);
