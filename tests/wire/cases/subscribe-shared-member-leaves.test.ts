import { behaviour } from "../support/behaviour.ts";
import { str, utf8 } from "../support/bytes.ts";

behaviour(
  "when a member of a shared subscription leaves, the rest get everything (5.0 §4.8.2)",
  async ({ open, topic, subscribe, publish }) => {
    const [stays, leaves] = [await open(), await open()];
    for (const member of [stays, leaves]) await subscribe(member, `$share/g/${topic()}`, 0);
    await leaves.leaves();
    const publisher = await open();
    for (const payload of ["a", "b", "c"]) await publish(publisher, topic(), payload);
    for (const payload of ["a", "b", "c"]) await stays.receives(0x30, str(topic()), 0, utf8(payload));
  },
  { levels: [5] },
);
