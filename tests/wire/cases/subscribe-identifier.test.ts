import { expect } from "vitest";
import { behaviour } from "../support/behaviour.ts";
import { list, str, variable } from "../support/bytes.ts";

behaviour(
  "a message carries the identifiers of the subscriptions that matched [MQTT-3.3.4-3] [MQTT-3.3.4-4] [MQTT-3.3.4-5]",
  async ({ open, topic, publish }) => {
    const client = await open();
    client.send(0x82, [0, 1], list(0x0b, 1), str(topic("+")), 0); // identifier 1
    await client.receives(0x90, [0, 1], 0, 0);
    client.send(0x82, [0, 2], list(0x0b, variable(268_435_455)), str(topic("#")), 0);
    await client.receives(0x90, [0, 2], 0, 0);
    client.send(0x82, [0, 3], 0, str(topic("a", "b")), 0); // without one
    await client.receives(0x90, [0, 3], 0, 0);
    const publisher = await open();
    const identifiers = async (name: string): Promise<number[]> => {
      await publish(publisher, name, "hi");
      const packets = await client.receivesUntilPing();
      return packets.flatMap((packet) =>
        packet.type === "publish" ? (packet.properties?.subscriptionIdentifiers ?? []) : [],
      );
    };
    // In one copy or in several
    expect((await identifiers(topic("a"))).sort()).toEqual([1, 268_435_455]);
    expect(await identifiers(topic("a", "c"))).toEqual([268_435_455]);
  },
  { levels: [5] },
);
