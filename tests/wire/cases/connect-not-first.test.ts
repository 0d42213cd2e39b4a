import { behaviour } from "../support/behaviour.ts";
import { str, utf8 } from "../support/bytes.ts";

behaviour(
  "a packet before CONNECT ends the connection unanswered [MQTT-3.1.0-1] [MQTT-3.1.1:3.1.0-1]",
  async ({ dial, topic, none }) => {
    for (const [firstByte, ...body] of [
      [0x30, str(topic()), none, utf8("hi")], // PUBLISH
      [0x82, [0, 1], none, str(topic()), 0], // SUBSCRIBE
      [0xc0], // PINGREQ
      [0xe0], // DISCONNECT
    ] as const) {
      const client = await dial();
      client.send(firstByte, ...body);
      await client.ends();
    }
  },
);
