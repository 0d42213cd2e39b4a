import { behaviour } from "../support/behaviour.ts";
import { variable } from "../support/bytes.ts";

behaviour(
  "a packet above the server's maximum ends the connection with its header (5.0 §3.2.2.3.6)",
  async ({ dial, connect }) => {
    const client = await dial();
    client.sendConnect(connect());
    const { properties } = await client.isAccepted();
    const maximum = properties?.maximumPacketSize ?? 262_144;
    client.sendRaw(Uint8Array.from([0x30, ...variable(maximum + 1)])); // the fixed header of a PUBLISH, and no more
    await client.isDisconnected(0x95);
  },
);
