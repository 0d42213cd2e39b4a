import { behaviour } from "../support/behaviour.ts";
import { packet, str, utf8 } from "../support/bytes.ts";

behaviour(
  "a message without retain neither is stored nor touches what is [MQTT-3.3.1-8] [MQTT-3.1.1:3.3.1-12]",
  async ({ open, topic, none, retain, publish }) => {
    const publisher = await open();
    await retain(publisher, topic(), "stored");
    await publish(publisher, topic(), "passing");
    await publish(publisher, topic(), "");
    const subscriber = await open();
    subscriber.send(0x82, [0, 1], none, str(topic()), 0);
    await subscriber.receivesInAnyOrder(
      packet(0x90, [0, 1], none, 0),
      packet(0x31, str(topic()), none, utf8("stored")),
    );
    await subscriber.receivesNothing();
  },
);
