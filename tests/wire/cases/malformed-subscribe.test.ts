import { behaviour } from "../support/behaviour.ts";
import { list, type Part, packet, str } from "../support/bytes.ts";

behaviour(
  "a malformed SUBSCRIBE or UNSUBSCRIBE ends the connection [MQTT-4.13.1-1] [MQTT-3.1.1:4.8.0-1]",
  async ({ open, topic, none, level }) => {
    const name = str(topic());
    const cases: [reason: number, firstByte: number, ...parts: Part[]][] = [
      [0x81, 0x80, [0, 1], none, name, 0], // flags [MQTT-3.8.1-1]
      [0x82, 0x82, [0, 1], none], // no filter [MQTT-3.8.3-2]
      [0x81, 0x82, [0, 1], none, name], // no options
      [0x81, 0x82, [0, 0], none, name, 0], // packet identifier 0
      [level === 5 ? 0x82 : 0x81, 0x82, [0, 1], none, name, 3], // QoS 3
      [0x81, 0x82, [0, 1], none, name, 0xc0], // reserved bits [MQTT-3.8.3-5]
      [0x81, 0x82, [0, 1], none, str(""), 0], // empty filter [MQTT-4.7.3-1]
      [0x81, 0x82, [0, 1], none, str(topic("a#")), 0], // [MQTT-4.7.1-1]
      [0x81, 0x82, [0, 1], none, str(topic("#/a")), 0],
      [0x81, 0x82, [0, 1], none, str(topic("a+")), 0], // [MQTT-4.7.1-2]
      [0x81, 0xa0, [0, 1], none, name], // flags [MQTT-3.10.1-1]
      [0x82, 0xa2, [0, 1], none], // no filter [MQTT-3.10.3-2]
    ];
    const only5: typeof cases = [
      [0x82, 0x82, [0, 1], 0, name, 0x30], // retain handling 3
      [0x82, 0x82, [0, 1], 0, str(`$share/g/${topic()}`), 0x04], // No Local, shared [MQTT-3.8.3-4]
      [0x81, 0x82, [0, 1], 0, str("$share/g"), 0], // no filter in it [MQTT-4.8.2-2]
      [0x81, 0x82, [0, 1], 0, str("$share/+/a"), 0], // wildcard in its name [MQTT-4.8.2-1]
      [0x82, 0x82, [0, 1], list(0x0b, 0), name, 0], // identifier 0
    ];
    for (const [reason, firstByte, ...parts] of level === 5 ? [...cases, ...only5] : cases) {
      const client = await open();
      client.sendRaw(packet(firstByte, ...parts));
      await client.isDisconnected(reason);
    }
  },
);
