import { behaviour } from "../support/behaviour.ts";
import { str, utf8 } from "../support/bytes.ts";

behaviour(
  "with Retain As Published the flag is the publisher's [MQTT-3.3.1-12] [MQTT-3.3.1-13]",
  async ({ open, topic, retain, publish, subscribe }) => {
    const [asPublished, plain] = [await open(), await open()];
    await subscribe(asPublished, topic(), 0, 0x08);
    await subscribe(plain, topic(), 0);
    const publisher = await open();
    await retain(publisher, topic(), "kept");
    await publish(publisher, topic(), "passing");
    await asPublished.receives(0x31, str(topic()), 0, utf8("kept"));
    await asPublished.receives(0x30, str(topic()), 0, utf8("passing"));
    await plain.receives(0x30, str(topic()), 0, utf8("kept"));
    await plain.receives(0x30, str(topic()), 0, utf8("passing"));
  },
  { levels: [5] },
);
