import { behaviour } from "../support/behaviour.ts";
import { str, utf8 } from "../support/bytes.ts";

behaviour(
  "a message that fits only without a topic alias comes without one [MQTT-3.1.2-24]",
  async ({ open, topic, subscribe, publish }) => {
    // The rest of a PUBLISH at QoS 0 with so long a payload: topic, no properties, payload
    const payload = "x".repeat(300);
    const rest = str(topic()).length + 1 + payload.length;
    const client = await open({ properties: { topicAliasMaximum: 10, maximumPacketSize: 3 + rest } });
    await subscribe(client, topic(), 0);
    const publisher = await open();
    await publish(publisher, topic(), `${payload}x`); // too large in any form
    await publish(publisher, topic(), payload);
    await client.receives(0x30, str(topic()), 0, utf8(payload));
  },
  { levels: [5] },
);
