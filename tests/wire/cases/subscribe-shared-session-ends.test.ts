import { behaviour } from "../support/behaviour.ts";
import { str, utf8 } from "../support/bytes.ts";

behaviour(
  "a QoS 1 message that a member has not acknowledged when its session ends goes to another member (5.0 §4.8.2)",
  async ({ open, subscribe, publish, topic, clientId }) => {
    const filter = `$share/g/${topic()}`;
    const publisher = await open();
    // One session ends with its connection, the other when its client starts anew
    const first = await open();
    await subscribe(first, filter, 1);
    await publish(publisher, topic(), "a");
    await first.receivesPublish({ firstByte: 0x32, topic: topic(), payload: "a" });
    const second = await open({ clientId, cleanStart: false, properties: { sessionExpiryInterval: 60 } });
    await subscribe(second, filter, 1);
    first.cut();
    await second.receivesPublish({ firstByte: 0x32, topic: topic(), payload: "a" });
    const third = await open();
    await subscribe(third, filter, 0);
    second.cut();
    await open({ clientId });
    await third.receives(0x30, str(topic()), 0, utf8("a"));
  },
  { levels: [5] },
);
