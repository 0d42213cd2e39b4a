import { behaviour } from "../support/behaviour.ts";
import { packet, str, u16, utf8 } from "../support/bytes.ts";

behaviour(
  "a client that subscribes to what it publishes gets both the acknowledgement and the message",
  async ({ open, topic, none, subscribe }) => {
    const client = await open();
    await subscribe(client, topic(), 0);
    client.send(0x32, str(topic()), u16(9), none, utf8("hi"));
    await client.receivesInAnyOrder(packet(0x40, u16(9)), packet(0x30, str(topic()), none, utf8("hi")));
  },
);
