import { behaviour } from "../support/behaviour.ts";

behaviour(
  "a second CONNECT ends the connection [MQTT-3.1.0-2] [MQTT-3.1.1:3.1.0-2]",
  async ({ open, connect }) => {
    const client = await open();
    client.sendConnect(connect());
    await client.isDisconnected(0x82);
  },
);
