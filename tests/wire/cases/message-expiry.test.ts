import { expect } from "vitest";
import { behaviour } from "../support/behaviour.ts";
import { list, str, u32, utf8 } from "../support/bytes.ts";

behaviour(
  "a message that waited carries what is left of its expiry interval [MQTT-3.3.2-6]",
  async ({ open, topic, subscribe, clientId }) => {
    const keep = { clientId, cleanStart: false, properties: { sessionExpiryInterval: 60 } };
    const away = await open(keep);
    await subscribe(away, topic(), 1);
    await away.leaves();
    const publisher = await open();
    publisher.send(0x32, str(topic()), [0, 1], list(0x02, u32(1000)), utf8("hi"));
    await publisher.isAcknowledged("puback", 1);
    const back = await open({ ...keep, sessionPresent: true });
    const message = await back.receivesPacket();
    const left = message.type === "publish" ? (message.properties?.messageExpiryInterval ?? 0) : 0;
    expect(left).toBeGreaterThan(900);
    expect(left).toBeLessThanOrEqual(1000);
  },
  { levels: [5] },
);
