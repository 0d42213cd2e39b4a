import { behaviour } from "../support/behaviour.ts";
import { str, utf8 } from "../support/bytes.ts";

behaviour(
  "a connection that the server ends sends its will [MQTT-3.1.2-8] [MQTT-3.1.1:3.1.2-8]",
  async ({ open, topic, subscribe, none }) => {
    const witness = await open();
    await subscribe(witness, topic(), 0);
    const client = await open({ will: { topic: topic(), payload: "lost" } });
    client.send(0x36, str(topic()), none); // PUBLISH, QoS 3
    await client.isDisconnected(0x81);
    await witness.receives(0x30, str(topic()), none, utf8("lost"));
  },
);
