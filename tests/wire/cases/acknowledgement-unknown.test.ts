import { behaviour } from "../support/behaviour.ts";
import { u16 } from "../support/bytes.ts";

behaviour("a PUBACK or PUBCOMP for an unknown id is ignored (5.0 §4.3.2, §2.2.1)", async ({ open }) => {
  const client = await open();
  client.send(0x40, u16(77)); // PUBACK
  client.send(0x70, u16(78)); // PUBCOMP
  await client.receivesNothing();
});
