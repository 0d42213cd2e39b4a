import { expect } from "vitest";
import { behaviour } from "../support/behaviour.ts";
import { u16 } from "../support/bytes.ts";

behaviour(
  "a message that a member refuses is offered to no other [MQTT-4.8.2-6]",
  async ({ open, subscribe, topic, publish }) => {
    const members = [await open(), await open()];
    for (const member of members) await subscribe(member, `$share/g/${topic()}`, 1);
    await publish(await open(), topic(), "hi");
    const received: number[] = [];
    for (const member of members) {
      for (const packet of await member.receivesUntilPing()) {
        if (packet.type !== "publish") continue;
        received.push(packet.packetId ?? 0);
        member.send(0x40, u16(packet.packetId ?? 0), 0x80); // PUBACK, unspecified error
      }
    }
    expect(received).toHaveLength(1);
    for (const member of members) await member.receivesNothing();
  },
  { levels: [5] },
);
