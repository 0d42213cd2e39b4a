import { behaviour } from "../support/behaviour.ts";
import { packet, str, utf8 } from "../support/bytes.ts";

behaviour(
  "subscribing again sends retained messages again [MQTT-3.8.4-4] [MQTT-3.3.1-9] [MQTT-3.1.1:3.8.4-3]",
  async ({ open, topic, none, retain }) => {
    const client = await open();
    await retain(client, topic(), "hi");
    for (let i = 0; i < 2; i++) {
      client.send(0x82, [0, 1], none, str(topic()), 0);
      await client.receivesInAnyOrder(
        packet(0x90, [0, 1], none, 0),
        packet(0x31, str(topic()), none, utf8("hi")),
      );
    }
    await client.receivesNothing();
  },
);
