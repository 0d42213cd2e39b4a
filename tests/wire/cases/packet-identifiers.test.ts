import { expect } from "vitest";
import { behaviour } from "../support/behaviour.ts";
import { str, u16, utf8 } from "../support/bytes.ts";

behaviour(
  "messages in flight have different packet identifiers, none 0 [MQTT-2.2.1-4] [MQTT-4.3.2-1] [MQTT-4.3.3-1]",
  async ({ open, subscribe, topic, none }) => {
    const subscriber = await open();
    await subscribe(subscriber, topic("+"), 2);
    const publisher = await open();
    const sent = Array.from({ length: 10 }, (_, i) => ({ id: i + 1, qos: 1 + (i % 2) }));
    for (const { id, qos } of sent)
      publisher.send(0x30 | (qos << 1), str(topic(`${id}`)), u16(id), none, utf8("x"));
    for (const { id, qos } of sent) await publisher.isAcknowledged(qos === 1 ? "puback" : "pubrec", id);
    // A QoS 2 message may be passed on at PUBLISH or at PUBREL
    for (const { id } of sent.filter(({ qos }) => qos === 2)) publisher.send(0x62, u16(id));
    const ids = new Set<number>();
    for (const _ of sent) {
      const message = await subscriber.receivesPacket();
      ids.add(message.type === "publish" ? (message.packetId ?? 0) : 0);
    }
    expect(ids.size).toBe(sent.length);
    expect(ids.has(0)).toBe(false);
  },
);
