import { behaviour } from "../support/behaviour.ts";
import { str, u16, utf8 } from "../support/bytes.ts";

behaviour(
  "a retained message keeps its QoS, and a later one at QoS 0 replaces it [MQTT-3.1.1:3.3.1-5] [MQTT-3.1.1:3.3.1-7]",
  async ({ open, topic, none, retain }) => {
    const publisher = await open();
    await retain(publisher, topic(), "one"); // QoS 1
    const first = await open();
    first.send(0x82, [0, 1], none, str(topic()), 2);
    await first.receives(0x90, [0, 1], none, 2);
    const id = await first.receivesPublish({ firstByte: 0x33, topic: topic(), payload: "one" });
    first.send(0x40, u16(id));
    await first.receivesNothing();
    publisher.send(0x31, str(topic()), none, utf8("zero")); // QoS 0
    await publisher.receivesNothing();
    const second = await open();
    second.send(0x82, [0, 1], none, str(topic()), 2);
    await second.receives(0x90, [0, 1], none, 2);
    await second.receives(0x31, str(topic()), none, utf8("zero"));
    await second.receivesNothing();
  },
);
