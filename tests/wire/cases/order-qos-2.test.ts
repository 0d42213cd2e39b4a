import { behaviour } from "../support/behaviour.ts";
import { str, u16, utf8 } from "../support/bytes.ts";

behaviour(
  "PUBRECs come in the order of the messages, PUBRELs in the order of the PUBRECs [MQTT-4.6.0-3] [MQTT-4.6.0-4] [MQTT-3.1.1:4.6.0-3] [MQTT-3.1.1:4.6.0-4]",
  async ({ open, subscribe, topic, none }) => {
    const subscriber = await open();
    await subscribe(subscriber, topic(), 2);
    const publisher = await open();
    const numbers = [5, 3, 9, 1];
    for (const id of numbers) publisher.send(0x34, str(topic()), u16(id), none, utf8(`${id}`));
    for (const id of numbers) await publisher.isAcknowledged("pubrec", id);
    for (const id of numbers) publisher.send(0x62, u16(id));
    for (const id of numbers) await publisher.isAcknowledged("pubcomp", id);
    const received: number[] = [];
    for (const id of numbers) {
      received.push(await subscriber.receivesPublish({ firstByte: 0x34, topic: topic(), payload: `${id}` }));
    }
    const answered = [...received].reverse();
    for (const id of answered) subscriber.send(0x50, u16(id)); // PUBREC, in another order
    for (const id of answered) await subscriber.receives(0x62, u16(id)); // PUBREL
    for (const id of answered) subscriber.send(0x70, u16(id));
    await subscriber.receivesNothing();
  },
);
