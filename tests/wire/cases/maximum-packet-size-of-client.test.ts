import { behaviour } from "../support/behaviour.ts";

behaviour(
  "a message above the client's Maximum Packet Size is dropped for it alone [MQTT-3.1.2-24] [MQTT-3.1.2-25]",
  async ({ open, topic, subscribe, publish }) => {
    // A window of one: what counted as sent and never went would close it
    const small = await open({ properties: { maximumPacketSize: 100, receiveMaximum: 1 } });
    const large = await open();
    for (const client of [small, large]) await subscribe(client, topic(), 1);
    const publisher = await open();
    const long = "x".repeat(100);
    await publish(publisher, topic(), long);
    await publish(publisher, topic(), "short");
    await small.receivesPublish({ firstByte: 0x32, topic: topic(), payload: "short" });
    await large.receivesPublish({ firstByte: 0x32, topic: topic(), payload: long });
    await large.receivesPublish({ firstByte: 0x32, topic: topic(), payload: "short" });
  },
  { levels: [5] },
);
