import { behaviour } from "../support/behaviour.ts";
import { str, u16, utf8 } from "../support/bytes.ts";

behaviour(
  "after PUBACK the same identifier is a new message, DUP or not [MQTT-4.3.2-5] [MQTT-3.1.1:4.3.2-2]",
  async ({ open, subscribe, topic, none }) => {
    const subscriber = await open();
    await subscribe(subscriber, topic(), 0);
    const publisher = await open();
    for (const firstByte of [0x32, 0x3a]) {
      publisher.send(firstByte, str(topic()), u16(1), none, utf8("hi"));
      await publisher.isAcknowledged("puback", 1);
      await subscriber.receives(0x30, str(topic()), none, utf8("hi"));
    }
    await subscriber.receivesNothing();
  },
);
