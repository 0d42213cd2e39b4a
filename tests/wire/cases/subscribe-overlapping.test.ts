import { expect } from "vitest";
import { behaviour } from "../support/behaviour.ts";

behaviour(
  "overlapping subscriptions: the highest QoS is respected, and no subscription gets it twice [MQTT-3.3.4-2] [MQTT-3.1.1:3.3.5-1]",
  async ({ open, topic, subscribe, publish }) => {
    const client = await open();
    await subscribe(client, topic("#"), 0);
    await subscribe(client, topic("+"), 1);
    const publisher = await open();
    await publish(publisher, topic("a"), "hi");
    const received = (await client.receivesUntilPing()).filter((packet) => packet.type === "publish");
    expect(received.length).toBeGreaterThanOrEqual(1);
    expect(received.length).toBeLessThanOrEqual(2);
    expect(Math.max(...received.map(({ qos }) => qos))).toBe(1);
  },
);
