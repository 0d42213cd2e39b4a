import { behaviour } from "../support/behaviour.ts";
import { str, u16, utf8 } from "../support/bytes.ts";

behaviour(
  "a QoS 2 message that the client sends again is delivered once [MQTT-4.3.3-10] [MQTT-4.3.3-8]",
  async ({ open, clientId, subscribe, topic, none }) => {
    const subscriber = await open();
    await subscribe(subscriber, topic(), 0);
    const keep = { clientId, cleanStart: false, properties: { sessionExpiryInterval: 60 } };
    const first = await open(keep);
    first.send(0x34, str(topic()), u16(5), none, utf8("once")); // PUBLISH
    await first.isAcknowledged("pubrec", 5);
    first.cut();
    const second = await open({ ...keep, sessionPresent: true });
    second.send(0x3c, str(topic()), u16(5), none, utf8("once")); // PUBLISH, DUP
    second.send(0x62, u16(5)); // PUBREL
    await second.isAcknowledged("pubrec", 5);
    await second.isAcknowledged("pubcomp", 5);
    await subscriber.receives(0x30, str(topic()), none, utf8("once"));
    await subscriber.receivesNothing();
  },
);
