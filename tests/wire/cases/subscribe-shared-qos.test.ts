import { expect } from "vitest";
import { behaviour } from "../support/behaviour.ts";

behaviour(
  "each member of a shared subscription is served at its own granted QoS [MQTT-4.8.2-3]",
  async ({ open, subscribe, topic, publish }) => {
    const members = [
      { peer: await open(), qos: 0 as const },
      { peer: await open(), qos: 1 as const },
    ];
    for (const { peer, qos } of members) await subscribe(peer, `$share/g/${topic()}`, qos);
    const publisher = await open();
    const count = 8;
    for (let i = 0; i < count; i++) await publish(publisher, topic(), `${i}`); // QoS 1
    let received = 0;
    for (const { peer, qos } of members) {
      for (const packet of await peer.receivesUntilPing()) {
        expect(packet).toMatchObject({ type: "publish", qos });
        received++;
      }
    }
    expect(received).toBe(count);
  },
  { levels: [5] },
);
