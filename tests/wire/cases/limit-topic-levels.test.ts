import { expect } from "vitest";
import { behaviour } from "../support/behaviour.ts";
import { str, u16, utf8 } from "../support/bytes.ts";

behaviour(
  "a topic of too many levels is refused, and the connection goes on (MESSAGING.md §1)",
  async ({ open, topic, none, level }) => {
    const client = await open();
    const deep = topic(...new Array<string>(1000).fill("x"));
    client.send(0x82, u16(1), none, str(deep), 1, str(topic("#")), 1); // SUBSCRIBE to two
    // Topic filter invalid; the other one is granted
    await client.receives(0x90, u16(1), none, level === 5 ? 0x8f : 0x80, 1);
    client.send(0x32, str(deep), u16(2), none, utf8("x")); // PUBLISH, QoS 1
    const puback = await client.receivesPacket();
    expect(puback).toMatchObject({ type: "puback", packetId: 2, reasonCode: level === 5 ? 0x90 : 0 });
    await client.receivesNothing(); // it was not delivered
  },
);
