import { expect } from "vitest";
import { behaviour } from "../support/behaviour.ts";

behaviour(
  "CONNECT is the first packet and CONNACK its answer [MQTT-3.1.4-5] [MQTT-3.2.0-1]",
  async ({ dial, connect, level }) => {
    const client = await dial();
    client.sendConnect(connect());
    if (level === 4) return client.receives(0x20, 0x00, 0x00); // CONNACK, no session, accepted
    const { properties } = await client.isAccepted();
    // What MESSAGING.md §9 promises; absent means more
    expect(properties?.receiveMaximum ?? 65_535).toBeGreaterThanOrEqual(20);
    expect(properties?.topicAliasMaximum ?? 0).toBeGreaterThanOrEqual(10);
    return client.receivesNothing();
  },
);
