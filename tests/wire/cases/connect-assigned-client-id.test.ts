import { expect } from "vitest";
import { behaviour } from "../support/behaviour.ts";

// And is treated as if it had brought that one: [MQTT-3.1.3-7] [MQTT-3.1.1:3.1.3-6]
behaviour(
  "an empty client id is assigned one, and 5.0 is told [MQTT-3.1.3-6] [MQTT-3.2.2-16]",
  async ({ dial, connect, level }) => {
    const ids = new Set<string>();
    for (let i = 0; i < 2; i++) {
      const client = await dial();
      client.sendConnect(connect({ clientId: "" }));
      const { properties } = await client.isAccepted();
      if (level === 5) ids.add(properties?.assignedClientIdentifier ?? "");
      await client.receivesNothing();
    }
    if (level === 5) expect(ids.size).toBe(2);
    expect(ids.has("")).toBe(false);
  },
);
