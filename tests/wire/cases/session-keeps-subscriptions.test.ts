import { behaviour } from "../support/behaviour.ts";

// As long as the session lasts: [MQTT-4.1.0-1] [MQTT-3.1.1:4.1.0-1] [MQTT-3.1.1:4.1.0-2]
behaviour(
  "subscriptions are part of the session [MQTT-3.1.2-5] [MQTT-3.1.1:3.1.2-4]",
  async ({ open, clientId, subscribe, topic, publish }) => {
    const keep = { clientId, cleanStart: false, properties: { sessionExpiryInterval: 60 } };
    const first = await open(keep);
    await subscribe(first, topic("+"), 1);
    first.cut();
    const second = await open({ ...keep, sessionPresent: true });
    const publisher = await open();
    await publish(publisher, topic("a"), "hi");
    await second.receivesPublish({ firstByte: 0x32, topic: topic("a"), payload: "hi" });
  },
);
