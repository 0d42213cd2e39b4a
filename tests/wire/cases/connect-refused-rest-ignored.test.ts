import { behaviour } from "../support/behaviour.ts";
import { str, utf8 } from "../support/bytes.ts";

behaviour(
  "what follows a refused CONNECT is not processed [MQTT-3.1.4-6] [MQTT-3.1.1:3.1.4-5]",
  async ({ dial, connect, open, subscribe, topic, none }) => {
    const witness = await open();
    await subscribe(witness, topic("#"), 0);
    const client = await dial();
    // A will topic with a wildcard makes it malformed; the token in it is good
    client.sendConnect(connect({ will: { topic: topic("+"), payload: "will" } }));
    client.send(0x30, str(topic("a")), none, utf8("hi")); // PUBLISH
    await client.isRefused([0x81], { orJustClosed: true });
    await witness.receivesNothing();
  },
);
