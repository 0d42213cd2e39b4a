import { behaviour } from "../support/behaviour.ts";
import { str, u16, utf8 } from "../support/bytes.ts";

// Into the session of a client that is away: [MQTT-3.1.1:4.5.0-1]
behaviour(
  "messages of QoS 1 and 2 wait for a client that is away, in order [MQTT-4.5.0-1] [MQTT-4.6.0-6] [MQTT-3.1.1:3.1.2-5]",
  async ({ open, clientId, subscribe, topic, publish, none }) => {
    const keep = { clientId, cleanStart: false, properties: { sessionExpiryInterval: 60 } };
    const away = await open(keep);
    await subscribe(away, topic("1"), 1);
    await subscribe(away, topic("2"), 2);
    await away.leaves();
    const publisher = await open();
    for (const payload of ["a", "b", "c"]) await publish(publisher, topic("1"), payload);
    publisher.send(0x34, str(topic("2")), u16(9), none, utf8("d")); // QoS 2
    await publisher.isAcknowledged("pubrec", 9);
    publisher.send(0x62, u16(9));
    await publisher.isAcknowledged("pubcomp", 9);

    const back = await open({ ...keep, sessionPresent: true });
    for (const payload of ["a", "b", "c"]) {
      const packetId = await back.receivesPublish({ firstByte: 0x32, topic: topic("1"), payload });
      back.send(0x40, u16(packetId));
    }
    const packetId = await back.receivesPublish({ firstByte: 0x34, topic: topic("2"), payload: "d" });
    back.send(0x50, u16(packetId)); // PUBREC
    await back.receives(0x62, u16(packetId)); // PUBREL
    back.send(0x70, u16(packetId)); // PUBCOMP
    await back.receivesNothing();
  },
);
