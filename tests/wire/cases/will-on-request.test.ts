import { behaviour } from "../support/behaviour.ts";
import { str, utf8 } from "../support/bytes.ts";

behaviour(
  "DISCONNECT with 0x04 sends the will (5.0 §3.14.2.1)",
  async ({ open, topic, subscribe }) => {
    const witness = await open();
    await subscribe(witness, topic(), 0);
    const client = await open({ will: { topic: topic(), payload: "bye" } });
    client.send(0xe0, 0x04);
    await client.ends();
    await witness.receives(0x30, str(topic()), 0, utf8("bye"));
  },
  { levels: [5] },
);
