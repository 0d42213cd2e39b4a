import { behaviour } from "../support/behaviour.ts";
import { str, utf8 } from "../support/bytes.ts";

behaviour(
  "with No Local a client does not get its own messages [MQTT-3.8.3-3]",
  async ({ open, topic, subscribe, publish }) => {
    const client = await open();
    await subscribe(client, topic(), 0, 0x04);
    await publish(client, topic(), "mine");
    await client.receivesNothing();
    await publish(await open(), topic(), "another's");
    await client.receives(0x30, str(topic()), 0, utf8("another's"));
  },
  { levels: [5] },
);
