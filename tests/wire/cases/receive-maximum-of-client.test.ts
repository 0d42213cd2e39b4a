import { behaviour } from "../support/behaviour.ts";
import { u16 } from "../support/bytes.ts";

// Other packets are not held back: [MQTT-3.3.4-10]
behaviour(
  "no more than the client's Receive Maximum is unacknowledged at a time [MQTT-3.3.4-9] [MQTT-4.9.0-1] [MQTT-4.9.0-2]",
  async ({ open, topic, subscribe, publish }) => {
    const client = await open({ properties: { receiveMaximum: 2 } });
    await subscribe(client, topic(), 1);
    const publisher = await open();
    for (const payload of ["a", "b", "c", "d"]) await publish(publisher, topic(), payload);
    const message = (payload: string) => ({ firstByte: 0x32, topic: topic(), payload });
    const a = await client.receivesPublish(message("a"));
    const b = await client.receivesPublish(message("b"));
    await client.receivesNothing(); // [MQTT-4.9.0-3] a PINGREQ is answered all the same
    client.send(0x40, u16(a));
    const c = await client.receivesPublish(message("c"));
    await client.receivesNothing();
    for (const id of [b, c]) client.send(0x40, u16(id));
    await client.receivesPublish(message("d"));
  },
  { levels: [5] },
);
