import { behaviour } from "../support/behaviour.ts";

// A session is made, found by its client id, and discarded: [MQTT-3.1.2-6] [MQTT-3.1.3-2] [MQTT-3.1.4-4]
// [MQTT-3.1.1:3.1.3-2] [MQTT-3.1.1:3.1.4-3] [MQTT-3.1.1:3.2.2-1] [MQTT-3.1.1:3.2.2-2] [MQTT-3.1.1:3.2.2-3]
behaviour(
  "a kept session is found again, and a clean start ends it [MQTT-3.1.2-4] [MQTT-3.1.2-5] [MQTT-3.2.2-3]",
  async ({ open, clientId }) => {
    const keep = { clientId, cleanStart: false, properties: { sessionExpiryInterval: 60 } };
    await (await open(keep)).leaves();
    await (await open({ ...keep, sessionPresent: true })).leaves();
    // [MQTT-3.1.2-4] [MQTT-3.2.2-2] a clean start finds none
    await (await open({ ...keep, cleanStart: true })).leaves();
  },
);
