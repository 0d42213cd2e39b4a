import { behaviour } from "../support/behaviour.ts";
import { str, utf8 } from "../support/bytes.ts";

behaviour(
  "to a subscription that exists the retain flag is 0 [MQTT-3.3.1-12] [MQTT-3.1.1:3.3.1-9]",
  async ({ open, topic, none, retain, subscribe }) => {
    const subscriber = await open();
    await subscribe(subscriber, topic(), 0);
    await retain(await open(), topic(), "hi");
    await subscriber.receives(0x30, str(topic()), none, utf8("hi"));
  },
);
