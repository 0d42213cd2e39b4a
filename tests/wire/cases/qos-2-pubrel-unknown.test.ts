import { expect } from "vitest";
import { behaviour } from "../support/behaviour.ts";
import { u16 } from "../support/bytes.ts";

// A client whose PUBCOMP was lost repeats its PUBREL and must get an answer. 5.0 may say that the id was not found.
behaviour(
  "a PUBREL for an unknown id is answered with PUBCOMP [MQTT-4.3.3-11] [MQTT-3.1.1:4.3.3-2]",
  async ({ open, level }) => {
    const client = await open();
    client.send(0x62, u16(77)); // PUBREL
    const answer = await client.receivesPacket();
    expect(answer).toMatchObject({ type: "pubcomp", packetId: 77 });
    expect(answer.type === "pubcomp" && answer.reasonCode).toBeOneOf(level === 5 ? [0x00, 0x92] : [0x00]);
  },
);
