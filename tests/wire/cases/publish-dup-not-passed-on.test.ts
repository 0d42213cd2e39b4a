import { behaviour } from "../support/behaviour.ts";
import { str, u16, utf8 } from "../support/bytes.ts";

behaviour(
  "DUP says that this sender sends again, so it is not passed on [MQTT-3.3.1-3] [MQTT-3.1.1:3.3.1-3]",
  async ({ open, subscribe, topic, none }) => {
    const subscriber = await open();
    await subscribe(subscriber, topic(), 1);
    const publisher = await open();
    publisher.send(0x3a, str(topic()), u16(1), none, utf8("hi")); // PUBLISH, QoS 1, DUP
    await publisher.isAcknowledged("puback", 1);
    await subscriber.receivesPublish({ firstByte: 0x32, topic: topic(), payload: "hi" });
  },
);
