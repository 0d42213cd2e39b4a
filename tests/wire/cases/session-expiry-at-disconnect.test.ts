import { behaviour } from "../support/behaviour.ts";
import { list, u32 } from "../support/bytes.ts";

behaviour(
  "DISCONNECT may change the session expiry interval (5.0 §3.14.2.2.2)",
  async ({ open, clientId }) => {
    const keep = { clientId, cleanStart: false, properties: { sessionExpiryInterval: 60 } };
    const client = await open(keep);
    client.send(0xe0, 0x00, list(0x11, u32(0))); // DISCONNECT, session expiry interval 0
    await client.ends();
    await (await open({ ...keep, sessionPresent: false })).leaves();
  },
  { levels: [5] },
);
