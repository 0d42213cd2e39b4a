import { behaviour } from "../support/behaviour.ts";
import { str, utf8 } from "../support/bytes.ts";

behaviour(
  "a client of MQTT 3.1 is served",
  async ({ dial, connect, topic }) => {
    const client = await dial();
    client.sendConnect(connect()); // "MQIsdp", level 3
    await client.receives(0x20, 0, 0);
    client.send(0x82, [0, 1], str(topic()), 1); // SUBSCRIBE
    await client.receives(0x90, [0, 1], 1);
    client.send(0x30, str(topic()), utf8("hi"));
    await client.receives(0x30, str(topic()), utf8("hi"));
    await client.leaves();
  },
  { levels: [3] },
);
