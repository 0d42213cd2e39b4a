import { behaviour } from "../support/behaviour.ts";
import { list, type Part, packet, str } from "../support/bytes.ts";

behaviour(
  "packets that only a server sends, and wrong flags, lengths and codes, end the connection [MQTT-2.1.3-1] [MQTT-3.1.1:2.2.2-2]",
  async ({ open, level }) => {
    const cases: [reason: number, firstByte: number, ...parts: Part[]][] = [
      [0x82, 0x00], // type 0
      [0x82, 0x20, [0, 0]], // CONNACK
      [0x82, 0x90, [0, 1, 0]], // SUBACK
      [0x82, 0xb0, [0, 1]], // UNSUBACK
      [0x82, 0xd0], // PINGRESP
      [0x81, 0xc1], // PINGREQ with flags
      [0x81, 0xc0, 0], // PINGREQ with a body
      [0x81, 0xe1], // DISCONNECT with flags [MQTT-3.14.1-1]
      [0x81, 0x42, [0, 1]], // PUBACK with flags
      [0x81, 0x60, [0, 1]], // PUBREL without its flags [MQTT-3.6.1-1]
      [0x81, 0x40, 1], // PUBACK cut short
      [0x82, 0x40, [0, 0]], // PUBACK, packet identifier 0
    ];
    const only5: typeof cases = [
      [0x82, 0x40, [0, 1], 0xff], // PUBACK with an unknown reason [MQTT-3.4.2-1]
      [0x82, 0xe0, 0x8e], // DISCONNECT with a server's reason [MQTT-3.14.2-1]
      [0x81, 0x40, [0, 1], 0, list(0x24, 1)], // PUBACK with a property of CONNACK
      [0x81, 0xf1], // AUTH with flags [MQTT-3.15.1-1]
    ];
    const only4: typeof cases = [
      [0, 0xf0], // AUTH
      [0, 0x40, [0, 1], 0], // PUBACK with a reason code
      [0, 0xe0, 0], // DISCONNECT with a reason code
      [0, 0x82, [0, 1], str("a"), 0x04], // SUBSCRIBE with 5.0's options [MQTT-3.1.1:3.8.3-4]
    ];
    for (const [reason, firstByte, ...parts] of [...cases, ...(level === 5 ? only5 : only4)]) {
      const client = await open();
      client.sendRaw(packet(firstByte, ...parts));
      await client.isDisconnected(reason);
    }
  },
);
