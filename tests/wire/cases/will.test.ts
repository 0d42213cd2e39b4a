import { behaviour } from "../support/behaviour.ts";

// It was stored with the session until then: [MQTT-3.1.2-7]
behaviour(
  "the will goes out when a connection ends without DISCONNECT [MQTT-3.1.2-8] [MQTT-3.1.1:3.1.2-8]",
  async ({ open, topic, subscribe }) => {
    const witness = await open();
    await subscribe(witness, topic(), 2);
    const client = await open({ will: { topic: topic(), payload: "lost", qos: 1 } });
    client.cut();
    await witness.receivesPublish({ firstByte: 0x32, topic: topic(), payload: "lost" });
  },
);
