import { expect } from "vitest";
import { behaviour } from "../support/behaviour.ts";

behaviour(
  "aliases of the server stay within the client's maximum and can be resolved [MQTT-3.1.2-26] [MQTT-3.1.2-27] [MQTT-3.3.2-11]",
  async ({ open, topic, subscribe, publish }) => {
    const clients = [
      { peer: await open({ properties: { topicAliasMaximum: 2 } }), maximum: 2 },
      { peer: await open(), maximum: 0 },
    ];
    for (const { peer } of clients) await subscribe(peer, topic("+"), 0);
    const publisher = await open();
    const sent = ["a", "b", "c", "a", "b", "c", "a"].map((name) => topic(name));
    for (const name of sent) await publish(publisher, name, "hi");
    for (const { peer, maximum } of clients) {
      const names = new Map<number, string>();
      const received: string[] = [];
      for (const packet of await peer.receivesUntilPing()) {
        if (packet.type !== "publish") continue;
        const alias = packet.properties?.topicAlias;
        if (alias !== undefined) expect(alias).toBeLessThanOrEqual(maximum);
        if (alias !== undefined && packet.topicName !== "") names.set(alias, packet.topicName);
        received.push(packet.topicName || (names.get(alias ?? 0) ?? "unknown alias"));
      }
      expect(received).toEqual(sent);
    }
  },
  { levels: [5] },
);
