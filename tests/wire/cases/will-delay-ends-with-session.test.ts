import { behaviour } from "../support/behaviour.ts";
import { str, utf8 } from "../support/bytes.ts";

behaviour(
  "a delayed will goes out when its session ends first (5.0 §3.1.3.2.2)",
  async ({ open, topic, subscribe, clientId }) => {
    const witness = await open();
    await subscribe(witness, topic(), 0);
    const keep = { clientId, cleanStart: false, properties: { sessionExpiryInterval: 60 } };
    const will = { topic: topic(), payload: "lost", properties: { willDelayInterval: 30 } };
    const first = await open({ ...keep, will });
    first.cut();
    await open({ clientId, cleanStart: true }); // ends the session
    await witness.receives(0x30, str(topic()), 0, utf8("lost"));
  },
  { levels: [5] },
);
