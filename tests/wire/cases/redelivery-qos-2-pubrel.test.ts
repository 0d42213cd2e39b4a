import { behaviour } from "../support/behaviour.ts";
import { str, u16, utf8 } from "../support/bytes.ts";

// After PUBREL no PUBLISH again: [MQTT-4.3.3-6] [MQTT-3.1.1:4.4.0-1]
behaviour(
  "a PUBREL without PUBCOMP comes again, and the PUBLISH does not [MQTT-4.4.0-1] [MQTT-4.3.3-5]",
  async ({ open, clientId, subscribe, topic, none }) => {
    const keep = { clientId, cleanStart: false, properties: { sessionExpiryInterval: 60 } };
    const first = await open(keep);
    await subscribe(first, topic(), 2);
    const publisher = await open();
    publisher.send(0x34, str(topic()), u16(1), none, utf8("hi"));
    publisher.send(0x62, u16(1));
    await publisher.isAcknowledged("pubrec", 1);
    await publisher.isAcknowledged("pubcomp", 1);
    const id = await first.receivesPublish({ firstByte: 0x34, topic: topic(), payload: "hi" });
    first.send(0x50, u16(id)); // PUBREC
    await first.receives(0x62, u16(id)); // PUBREL
    first.cut();
    const second = await open({ ...keep, sessionPresent: true });
    await second.receives(0x62, u16(id)); // PUBREL, no DUP bit in it
    second.send(0x70, u16(id)); // PUBCOMP
    await second.receivesNothing();
  },
);
