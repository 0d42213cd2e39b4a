import { expect } from "vitest";
import { behaviour } from "../support/behaviour.ts";
import { str } from "../support/bytes.ts";

behaviour(
  "a client that wants no problem information gets no reason strings in acknowledgements [MQTT-3.1.2-29]",
  async ({ open, topic }) => {
    const client = await open({ properties: { requestProblemInformation: 0 } });
    client.send(0xa2, [0, 1], 0, str(topic())); // UNSUBSCRIBE from nothing
    client.send(0x62, [0, 1]); // PUBREL for nothing
    for (const type of ["unsuback", "pubcomp"]) {
      const packet = await client.receivesPacket();
      expect(packet.type).toBe(type);
      const properties = "properties" in packet ? packet.properties : undefined;
      expect(properties?.reasonString).toBeUndefined();
      expect(properties?.userProperties).toBeUndefined();
    }
  },
  { levels: [5] },
);
