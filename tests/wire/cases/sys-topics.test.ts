import { expect } from "vitest";
import { behaviour } from "../support/behaviour.ts";
import { str } from "../support/bytes.ts";

behaviour(
  "an owner who subscribes to $SYS/# is told about the broker; '#' alone does not include it (MESSAGING.md §1)",
  async ({ open, none }) => {
    const received = async (filter: string): Promise<string[]> => {
      const client = await open();
      client.send(0x82, [0, 1], none, str(filter), 0);
      const packets = await client.receivesUntilPing();
      return packets.flatMap((packet) => (packet.type === "publish" ? [packet.topicName as string] : []));
    };
    const asked = await received("$SYS/#");
    expect(asked).toContain("$SYS/broker/uptime");
    expect(asked.every((name) => name.startsWith("$SYS/"))).toBe(true);
    const everythingElse = await received("#");
    expect(everythingElse.filter((name) => name.startsWith("$"))).toEqual([]);
  },
);
