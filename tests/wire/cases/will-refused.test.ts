import { behaviour } from "../support/behaviour.ts";
import { str, utf8 } from "../support/bytes.ts";

behaviour(
  "a CONNECT that is refused for its will leaves the client's older connection alone [MQTT-3.1.4-2]",
  async ({ open, dial, connect, topic, subscribe, clientId, none }) => {
    const witness = await open();
    await subscribe(witness, topic(), 0);
    const client = await open({ clientId, will: { topic: topic(), payload: "lost" } });
    const refused = await dial();
    refused.sendConnect(connect({ clientId, will: { topic: "$SYS/no", payload: "x" } }));
    await refused.isRefused([0x87, 0x05]);
    await client.receivesNothing();
    client.cut();
    await witness.receives(0x30, str(topic()), none, utf8("lost"));
  },
);
