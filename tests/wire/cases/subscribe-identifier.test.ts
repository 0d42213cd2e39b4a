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

behaviour(
  "a retained message carries the identifier of the subscription that asks for it, and no other's [MQTT-3.3.4-3]",
  async ({ open, topic, retain }) => {
    await retain(await open(), topic("a"), "kept");
    const client = await open();
    const subscribe = async (packetId: number, filter: string, properties: number[]) => {
      client.send(0x82, [0, packetId], properties, str(filter), 0);
      await client.receives(0x90, [0, packetId], 0, 0);
      const [message] = await client.receivesUntilPing();
      return message?.type === "publish" ? message.properties?.subscriptionIdentifiers : "no message";
    };
    expect(await subscribe(1, topic("+"), list(0x0b, 7))).toEqual([7]);
    expect(await subscribe(2, topic("#"), list(0x0b, 8))).toEqual([8]);
    expect(await subscribe(3, topic("a"), [0])).toBeUndefined();
  },
  { levels: [5] },
);
