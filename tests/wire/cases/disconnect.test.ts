import { behaviour } from "../support/behaviour.ts";

behaviour("DISCONNECT ends the connection [MQTT-3.14.4-1] [MQTT-3.1.1:3.14.4-1]", async ({ open }) => {
  const client = await open();
  client.send(0xe0); // DISCONNECT, normal
  client.send(0xc0); // PINGREQ, [MQTT-3.14.4-2] never answered
  await client.ends();
});
