import { behaviour } from "../support/behaviour.ts";
import { str } from "../support/bytes.ts";

behaviour(
  "an empty retained message removes the stored one and is itself not stored [MQTT-3.3.1-6] [MQTT-3.3.1-7] [MQTT-3.1.1:3.3.1-10] [MQTT-3.1.1:3.3.1-11]",
  async ({ open, topic, none, retain, subscribe }) => {
    const publisher = await open();
    await retain(publisher, topic(), "hi");
    const watcher = await open();
    watcher.send(0x82, [0, 1], none, str(topic()), 0);
    await watcher.receivesUntilPing();
    await retain(publisher, topic(), "");
    await watcher.receives(0x30, str(topic()), none); // passed on as an ordinary message
    const late = await open();
    await subscribe(late, topic(), 0);
    await late.receivesNothing();
  },
);
