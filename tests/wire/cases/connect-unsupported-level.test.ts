import { behaviour } from "../support/behaviour.ts";
import { str } from "../support/bytes.ts";

behaviour(
  "an unknown protocol level is refused with 0x01 [MQTT-3.1.1:3.1.2-2]",
  async ({ dial }) => {
    const client = await dial();
    client.send(0x10, str("MQTT"), 2, 0x02, [0, 10], str("p")); // CONNECT, level 2
    await client.isRefused([0x01]);
  },
  { levels: [4] },
);
