import { expect } from "vitest";
import { behaviour } from "../support/behaviour.ts";
import { u16 } from "../support/bytes.ts";

// The identifier stays taken until PUBACK: [MQTT-4.3.2-3] [MQTT-3.1.1:2.3.1-3] [MQTT-3.1.1:2.3.1-4]
// [MQTT-3.1.1:3.3.1-1] [MQTT-3.1.1:4.4.0-1] [MQTT-3.1.1:4.6.0-1]
behaviour(
  "unacknowledged QoS 1 messages come again: same ids, same order, DUP [MQTT-4.4.0-1] [MQTT-4.6.0-1] [MQTT-3.3.1-1]",
  async ({ open, clientId, subscribe, topic, publish }) => {
    const keep = { clientId, cleanStart: false, properties: { sessionExpiryInterval: 60 } };
    const first = await open(keep);
    await subscribe(first, topic(), 1);
    const publisher = await open();
    const ids: number[] = [];
    for (const payload of ["a", "b", "c"]) {
      await publish(publisher, topic(), payload);
      ids.push(await first.receivesPublish({ firstByte: 0x32, topic: topic(), payload }));
    }
    first.send(0x40, u16(ids[1] ?? 0)); // PUBACK for "b"
    await first.receivesNothing();
    first.cut();
    const second = await open({ ...keep, sessionPresent: true });
    const again: number[] = [];
    for (const payload of ["a", "c"]) {
      const id = await second.receivesPublish({ firstByte: 0x3a, topic: topic(), payload }); // DUP
      second.send(0x40, u16(id));
      again.push(id);
    }
    await second.receivesNothing();
    expect(again).toEqual([ids[0], ids[2]]);
  },
);
