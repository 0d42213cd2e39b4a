import { behaviour } from "../support/behaviour.ts";

// A refusal, then the end: [MQTT-3.1.1:3.2.2-5]
behaviour(
  "3.1.1 refuses an empty client id with a session to keep [MQTT-3.1.1:3.1.3-8] [MQTT-3.1.1:3.1.3-9]",
  async ({ dial, connect }) => {
    const client = await dial();
    client.sendConnect(connect({ clientId: "", cleanStart: false }));
    await client.isRefused([0x02]); // identifier rejected
  },
  { levels: [4] },
);
