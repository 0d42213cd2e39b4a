import { behaviour } from "../support/behaviour.ts";
import { packet, str, utf8 } from "../support/bytes.ts";

// The publisher's session has ended by then; what it retained has not: [MQTT-3.1.1:3.1.2-7]
// [MQTT-3.1.1:3.3.1-8]
behaviour(
  "a retained message is sent to a new subscription, with retain set [MQTT-3.3.1-5] [MQTT-3.3.1-8] [MQTT-3.1.1:3.3.1-6]",
  async ({ open, topic, none, retain }) => {
    const publisher = await open();
    await retain(publisher, topic("a"), "old");
    await retain(publisher, topic("a"), "21.5"); // replaces
    await retain(publisher, topic("b"), "on");
    await retain(publisher, topic("a", "below"), "not asked for"); // [MQTT-3.3.2-3]
    await publisher.leaves();
    const subscriber = await open();
    subscriber.send(0x82, [0, 1], none, str(topic("+")), 0x00); // SUBSCRIBE, QoS 0
    await subscriber.receivesInAnyOrder(
      packet(0x90, [0, 1], none, 0x00), // SUBACK
      packet(0x31, str(topic("a")), none, utf8("21.5")),
      packet(0x31, str(topic("b")), none, utf8("on")),
    );
    await subscriber.receivesNothing();
  },
);
