import { expect } from "vitest";
import { behaviour } from "../support/behaviour.ts";

// One CONNACK, and no response information that nobody asked for: [MQTT-3.2.0-2] [MQTT-3.1.2-28]
// [MQTT-3.1.1:3.1.4-4]
behaviour(
  "CONNECT is the first packet and CONNACK its answer [MQTT-3.1.4-5] [MQTT-3.2.0-1]",
  async ({ dial, connect, level }) => {
    const client = await dial();
    client.sendConnect(connect());
    if (level === 4) {
      await client.receives(0x20, 0x00, 0x00); // CONNACK, no session, accepted
      return client.receivesNothing();
    }
    const { properties } = await client.isAccepted();
    // What MESSAGING.md §9 promises; absent means more
    expect(properties?.receiveMaximum ?? 65_535).toBeGreaterThanOrEqual(20);
    expect(properties?.responseInformation).toBeUndefined();
    expect(properties?.topicAliasMaximum ?? 0).toBeGreaterThanOrEqual(10);
    return client.receivesNothing();
  },
);
