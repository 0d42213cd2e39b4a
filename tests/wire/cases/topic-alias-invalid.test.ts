import { behaviour } from "../support/behaviour.ts";
import { list, str, u16, utf8 } from "../support/bytes.ts";

behaviour(
  "an alias of 0, or above the server's maximum, ends the connection [MQTT-3.3.2-8] [MQTT-3.3.2-9]",
  async ({ dial, connect, topic }) => {
    for (const tooLarge of [false, true]) {
      const client = await dial();
      client.sendConnect(connect());
      const { properties } = await client.isAccepted();
      const alias = tooLarge ? (properties?.topicAliasMaximum ?? 0) + 1 : 0;
      client.send(0x30, str(topic()), list(0x23, u16(alias)), utf8("x"));
      await client.isDisconnected(0x94);
    }
  },
  { levels: [5] },
);
