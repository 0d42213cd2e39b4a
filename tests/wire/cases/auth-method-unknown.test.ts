import { behaviour } from "../support/behaviour.ts";

// Refused, then closed: [MQTT-4.12.0-4]
behaviour(
  "an unknown authentication method is refused with 0x8C [MQTT-4.12.0-1]",
  async ({ dial, connect }) => {
    const client = await dial();
    client.sendConnect(connect({ properties: { authenticationMethod: "unheard-of" } }));
    await client.isRefused([0x8c]);
  },
  { levels: [5] },
);
