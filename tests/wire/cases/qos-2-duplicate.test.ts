import { behaviour } from "../support/behaviour.ts";
import { str, u16, utf8 } from "../support/bytes.ts";

behaviour(
  "a QoS 2 PUBLISH repeated before PUBREL is one message; after it, its id is free [MQTT-4.3.3-10] [MQTT-4.3.3-12]",
  async ({ open, subscribe, topic, none }) => {
    const subscriber = await open();
    await subscribe(subscriber, topic(), 0);
    const publisher = await open();
    publisher.send(0x34, str(topic()), u16(1), none, utf8("a"));
    await publisher.isAcknowledged("pubrec", 1);
    publisher.send(0x3c, str(topic()), u16(1), none, utf8("a")); // again, DUP
    await publisher.isAcknowledged("pubrec", 1);
    publisher.send(0x62, u16(1));
    await publisher.isAcknowledged("pubcomp", 1);
    publisher.send(0x34, str(topic()), u16(1), none, utf8("b")); // a new message with the same id
    await publisher.isAcknowledged("pubrec", 1);
    publisher.send(0x62, u16(1));
    await publisher.isAcknowledged("pubcomp", 1);
    await subscriber.receives(0x30, str(topic()), none, utf8("a"));
    await subscriber.receives(0x30, str(topic()), none, utf8("b"));
    await subscriber.receivesNothing();
  },
);
