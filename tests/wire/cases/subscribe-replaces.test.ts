import { behaviour } from "../support/behaviour.ts";

behaviour(
  "the same filter again replaces the subscription [MQTT-3.8.4-3] [MQTT-3.1.1:3.8.4-3]",
  async ({ open, topic, subscribe, publish }) => {
    const client = await open();
    await subscribe(client, topic("+"), 0);
    await subscribe(client, topic("+"), 1);
    const publisher = await open();
    await publish(publisher, topic("a"), "hi");
    await client.receivesPublish({ firstByte: 0x32, topic: topic("a"), payload: "hi" });
    await client.receivesNothing(); // once, not twice
  },
);
