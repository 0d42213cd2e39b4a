import { behaviour } from "../support/behaviour.ts";
import { str, utf8 } from "../support/bytes.ts";

behaviour(
  "a message above the client's Maximum Packet Size is dropped for it alone [MQTT-3.1.2-24] [MQTT-3.1.2-25]",
  async ({ open, topic, subscribe, publish, none }) => {
    const small = await open({ properties: { maximumPacketSize: 100 } });
    const large = await open();
    for (const client of [small, large]) await subscribe(client, topic(), 0);
    const publisher = await open();
    const long = "x".repeat(100);
    await publish(publisher, topic(), long);
    await publish(publisher, topic(), "short");
    await small.receives(0x30, str(topic()), none, utf8("short"));
    await large.receives(0x30, str(topic()), none, utf8(long));
    await large.receives(0x30, str(topic()), none, utf8("short"));
  },
  { levels: [5] },
);
