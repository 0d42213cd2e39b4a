import { behaviour } from "../support/behaviour.ts";
import { str, u16, utf8 } from "../support/bytes.ts";

behaviour(
  "a message is delivered at the lower of its own QoS and the granted one [MQTT-3.8.4-8] [MQTT-3.1.1:3.8.4-6]",
  async ({ open, subscribe, topic, none }) => {
    const publisher = await open();
    for (const granted of [0, 1, 2] as const) {
      const subscriber = await open();
      await subscribe(subscriber, topic(`${granted}`), granted);
      publisher.send(0x30, str(topic(`${granted}`)), none, utf8("0"));
      publisher.send(0x32, str(topic(`${granted}`)), u16(1), none, utf8("1"));
      publisher.send(0x34, str(topic(`${granted}`)), u16(2), none, utf8("2"));
      publisher.send(0x62, u16(2));
      await publisher.isAcknowledged("puback", 1);
      await publisher.isAcknowledged("pubrec", 2);
      await publisher.isAcknowledged("pubcomp", 2);
      for (const sent of [0, 1, 2]) {
        const qos = Math.min(granted, sent);
        const expected = { firstByte: 0x30 | (qos << 1), topic: topic(`${granted}`), payload: `${sent}` };
        await subscriber.receivesPublish(expected);
      }
    }
  },
);
