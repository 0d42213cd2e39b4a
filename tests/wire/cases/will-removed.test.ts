import { behaviour } from "../support/behaviour.ts";

// And without a will there is nothing to send: [MQTT-3.1.1:3.1.2-10] [MQTT-3.1.1:3.1.2-12]
behaviour(
  "DISCONNECT removes the will [MQTT-3.14.4-3] [MQTT-3.1.2-10] [MQTT-3.1.1:3.14.4-3]",
  async ({ open, topic, subscribe }) => {
    const witness = await open();
    await subscribe(witness, topic(), 0);
    const client = await open({ will: { topic: topic(), payload: "lost" } });
    await client.leaves();
    (await open()).cut();
    await witness.receivesNothing();
  },
);
