import { behaviour } from "../support/behaviour.ts";

behaviour(
  "a session that is not to be kept ends with its connection [MQTT-3.1.2-23] [MQTT-3.1.1:3.1.2-6]",
  async ({ open, clientId, level, subscribe, topic }) => {
    // 3.1.1: clean session. 5.0: no session expiry interval.
    const first = await open({ clientId, cleanStart: level === 4 });
    await subscribe(first, topic(), 1);
    await first.leaves();
    const second = await open({ clientId, cleanStart: false, sessionPresent: false });
    await second.receivesNothing();
  },
);
