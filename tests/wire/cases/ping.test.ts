import { behaviour } from "../support/behaviour.ts";

behaviour("PINGREQ is answered with PINGRESP [MQTT-3.12.4-1] [MQTT-3.1.1:3.12.4-1]", async ({ open }) => {
  const client = await open();
  client.send(0xc0);
  client.send(0xc0);
  await client.receives(0xd0);
  await client.receives(0xd0);
});
