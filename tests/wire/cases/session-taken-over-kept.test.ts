import { behaviour } from "../support/behaviour.ts";

behaviour(
  "a connection that takes over goes on with the session [MQTT-3.1.4-3] [MQTT-3.2.2-3]",
  async ({ open, clientId, subscribe, topic, publish }) => {
    const keep = { clientId, cleanStart: false, properties: { sessionExpiryInterval: 60 } };
    const first = await open(keep);
    await subscribe(first, topic(), 1);
    const second = await open({ ...keep, sessionPresent: true });
    await first.isDisconnected(0x8e);
    const publisher = await open();
    await publish(publisher, topic(), "hi");
    await second.receivesPublish({ firstByte: 0x32, topic: topic(), payload: "hi" });
  },
);
