import { behaviour } from "../support/behaviour.ts";
import { str } from "../support/bytes.ts";

behaviour("another protocol name is another protocol [MQTT-3.1.2-1]", async ({ dial, level, none }) => {
  const client = await dial();
  client.send(0x10, str("MQTU"), level, 0x02, [0, 10], none, str("p"));
  await client.isRefused([0x84, 0x01], { orJustClosed: true });
});
