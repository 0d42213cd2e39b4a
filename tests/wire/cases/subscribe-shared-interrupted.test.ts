import { behaviour } from "../support/behaviour.ts";
import { str, u16, utf8 } from "../support/bytes.ts";

behaviour(
  "a QoS 2 message that a member has begun to receive is that member's [MQTT-4.8.2-4] [MQTT-4.8.2-5]",
  async ({ open, subscribe, topic, clientId }) => {
    const keep = { clientId, cleanStart: false, properties: { sessionExpiryInterval: 60 } };
    const filter = `$share/g/${topic()}`;
    const publisher = await open();
    const send = async (id: number): Promise<void> => {
      publisher.send(0x34, str(topic()), u16(id), 0, utf8("hi"));
      publisher.send(0x62, u16(id));
      await publisher.isAcknowledged("pubrec", id);
      await publisher.isAcknowledged("pubcomp", id);
    };
    const first = await open(keep);
    await subscribe(first, filter, 2);
    await send(1);
    const id = await first.receivesPublish({ firstByte: 0x34, topic: topic(), payload: "hi" });
    const other = await open();
    await subscribe(other, filter, 2);
    first.cut();
    const again = await open({ ...keep, sessionPresent: true });
    await again.receivesPublish({ firstByte: 0x3c, topic: topic(), payload: "hi" });
    again.send(0x50, u16(id)); // PUBREC
    await again.receives(0x62, u16(id)); // PUBREL
    again.cut();
    // Its session ends with the delivery unfinished: nobody else gets the message
    await (await open({ clientId, cleanStart: true })).receivesNothing();
    await other.receivesNothing();
  },
  { levels: [5] },
);
