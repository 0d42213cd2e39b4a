import { behaviour } from "../support/behaviour.ts";
import { list, u32 } from "../support/bytes.ts";

behaviour(
  "a session without expiry cannot be given one at the end (5.0 §3.14.2.2.2)",
  async ({ open }) => {
    const client = await open();
    client.send(0xe0, 0x00, list(0x11, u32(1)));
    await client.isDisconnected(0x82);
  },
  { levels: [5] },
);
