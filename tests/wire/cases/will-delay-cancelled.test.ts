import { behaviour } from "../support/behaviour.ts";

behaviour(
  "a delayed will is not sent if the session goes on in time [MQTT-3.1.3-9]",
  async ({ open, topic, subscribe, clientId }) => {
    const witness = await open();
    await subscribe(witness, topic(), 0);
    const keep = { clientId, cleanStart: false, properties: { sessionExpiryInterval: 60 } };
    const will = { topic: topic(), payload: "lost", properties: { willDelayInterval: 30 } };
    const first = await open({ ...keep, will });
    first.cut();
    const second = await open({ ...keep, sessionPresent: true });
    await second.leaves(); // without a will of its own
    await witness.receivesNothing();
  },
  { levels: [5] },
);
