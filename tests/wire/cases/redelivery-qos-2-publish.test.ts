import { expect } from "vitest";
import { behaviour } from "../support/behaviour.ts";
import { str, u16, utf8 } from "../support/bytes.ts";

behaviour(
  "a QoS 2 message without PUBREC comes again with DUP and its id [MQTT-4.4.0-1] [MQTT-4.3.3-3]",
  async ({ open, clientId, subscribe, topic, none }) => {
    const keep = { clientId, cleanStart: false, properties: { sessionExpiryInterval: 60 } };
    const first = await open(keep);
    await subscribe(first, topic(), 2);
    const publisher = await open();
    publisher.send(0x34, str(topic()), u16(1), none, utf8("hi")); // PUBLISH, QoS 2
    await publisher.isAcknowledged("pubrec", 1);
    publisher.send(0x62, u16(1)); // PUBREL
    await publisher.isAcknowledged("pubcomp", 1);
    const id = await first.receivesPublish({ firstByte: 0x34, topic: topic(), payload: "hi" });
    first.cut();
    const second = await open({ ...keep, sessionPresent: true });
    expect(await second.receivesPublish({ firstByte: 0x3c, topic: topic(), payload: "hi" })).toBe(id);
    second.send(0x50, u16(id)); // PUBREC
    await second.receives(0x62, u16(id)); // PUBREL
    second.send(0x70, u16(id)); // PUBCOMP
    await second.receivesNothing();
  },
);
