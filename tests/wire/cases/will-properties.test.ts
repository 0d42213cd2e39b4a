import type { TopicName } from "../../../engines/mqtt/packet.ts";
import { behaviour } from "../support/behaviour.ts";

behaviour(
  "a will is published with its properties, but for the delay (5.0 §3.1.3.2) [MQTT-3.1.3-10]",
  async ({ open, topic, subscribe }) => {
    const witness = await open();
    await subscribe(witness, topic(), 0);
    const properties = {
      payloadFormatIndicator: 1 as const,
      contentType: "text/plain",
      responseTopic: topic("reply") as TopicName, // has no wildcard
      correlationData: Uint8Array.of(0, 255),
      userProperties: [["k", "1"] as const, ["k", "0"] as const],
    };
    const client = await open({ will: { topic: topic(), payload: "lost", properties } });
    client.cut();
    await witness.receivesPublish({ firstByte: 0x30, topic: topic(), payload: "lost", properties });
  },
  { levels: [5] },
);
