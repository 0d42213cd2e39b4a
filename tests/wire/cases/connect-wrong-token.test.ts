import { behaviour } from "../support/behaviour.ts";
import { utf8 } from "../support/bytes.ts";

behaviour(
  "a token that is none is refused, then the connection ends [MQTT-3.1.4-2] [MQTT-3.2.2-7] [MQTT-3.1.1:3.2.2-5]",
  async ({ dial, connect, level }) => {
    for (const password of ["nobody's", ""]) {
      const client = await dial();
      client.sendConnect({ ...connect(), password: utf8(password) });
      // Bad user name or password, or not authorized
      await client.isRefused(level === 5 ? [0x86, 0x87] : [0x04, 0x05]);
    }
  },
);
