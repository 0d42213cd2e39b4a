import { encode } from "../../engines/mqtt/encoder.ts";
import type { TopicName } from "../../engines/mqtt/packet.ts";

/** The bytes of a telemetry PUBLISH (MQTT 3.1.1) with one SenML record. */
export function telemetry(property: string, value: number, qos: 0 | 1): Uint8Array {
  return encode(
    {
      type: "publish",
      topicName: `telemetry/${property}` as TopicName, // the bench's own constant
      payload: new TextEncoder().encode(JSON.stringify([{ n: property, v: value }])),
      qos,
      retain: false,
      dup: false,
      ...(qos > 0 && { packetId: (value % 65_535) + 1 }),
    },
    4,
  );
}
