import { behaviour } from "../support/behaviour.ts";
import { str, u16, utf8 } from "../support/bytes.ts";

behaviour(
  "a PUBREC below 0x80 goes on, whatever it says [MQTT-4.3.3-4]",
  async ({ open, subscribe, topic, none }) => {
    const client = await open();
    await subscribe(client, topic(), 2);
    const publisher = await open();
    publisher.send(0x34, str(topic()), u16(1), none, utf8("hi"));
    const id = await client.receivesPublish({ firstByte: 0x34, topic: topic(), payload: "hi" });
    client.send(0x50, u16(id), 0x10); // PUBREC, no matching subscribers
    await client.receives(0x62, u16(id)); // PUBREL
    client.send(0x70, u16(id));
    await client.receivesNothing();
  },
  { levels: [5] },
);

behaviour(
  "a PUBREC of 0x80 or more ends the delivery: no PUBREL, and the id is free [MQTT-4.3.3-4] [MQTT-4.4.0-2]",
  async ({ open, subscribe, topic, none, clientId }) => {
    const keep = { clientId, cleanStart: false, properties: { sessionExpiryInterval: 60 } };
    const subscriber = await open(keep);
    await subscribe(subscriber, topic(), 2);
    const publisher = await open();
    publisher.send(0x34, str(topic()), u16(1), none, utf8("hi"));
    publisher.send(0x62, u16(1));
    const id = await subscriber.receivesPublish({ firstByte: 0x34, topic: topic(), payload: "hi" });
    subscriber.send(0x50, u16(id), 0x83); // PUBREC, implementation specific error
    await subscriber.receivesNothing();
    subscriber.cut();
    const back = await open({ ...keep, sessionPresent: true });
    await back.receivesNothing();
  },
  { levels: [5] },
);
