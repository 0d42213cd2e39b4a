import { behaviour } from "../support/behaviour.ts";

behaviour("a remaining length of more than four bytes is malformed (5.0 §2.1.4)", async ({ open }) => {
  const client = await open();
  client.sendRaw(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0xff));
  await client.isDisconnected(0x81);
});
