import { expect } from "vitest";
import { behaviour } from "../support/behaviour.ts";

behaviour(
  "overlapping subscriptions: the highest QoS is respected, and no subscription gets it twice [MQTT-3.3.4-2] [MQTT-3.1.1:3.3.5-1]",
  async ({ open, topic, subscribe, publish }) => {
    // Whichever of them has it, and in whatever order they were made
    const grants = [
      { "#": 0, "+": 1, a: 0 },
      { "+": 0, a: 0, "#": 1 },
      { a: 1, "#": 0, "+": 0 },
    ] as const;
    const clients = await Promise.all(grants.map(() => open()));
    for (const [i, client] of clients.entries()) {
      for (const [level, qos] of Object.entries(grants[i] ?? {})) await subscribe(client, topic(level), qos);
    }
    const publisher = await open();
    await publish(publisher, topic("a"), "hi");
    for (const client of clients) {
      const received = (await client.receivesUntilPing()).filter((packet) => packet.type === "publish");
      expect(received.length).toBeGreaterThanOrEqual(1);
      expect(received.length).toBeLessThanOrEqual(3);
      expect(received.filter(({ qos }) => qos === 1)).toHaveLength(1);
    }
  },
);
