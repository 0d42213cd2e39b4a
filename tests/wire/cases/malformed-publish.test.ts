import { behaviour } from "../support/behaviour.ts";
import { list, type Part, packet, str, u32, utf8 } from "../support/bytes.ts";

// The DISCONNECT is followed by the end: [MQTT-4.13.2-1]
behaviour(
  "a malformed PUBLISH ends the connection, at 5.0 with the reason, and reaches nobody [MQTT-4.13.1-1] [MQTT-3.1.1:4.8.0-1]",
  async ({ open, topic, none, level, subscribe }) => {
    const bystander = await open();
    await subscribe(bystander, topic("#"), 0);
    const name = str(topic());
    const body = utf8("x");
    const cases: [reason: number, firstByte: number, ...parts: Part[]][] = [
      [0x81, 0x36, name, [0, 1], none, body], // QoS 3 [MQTT-3.3.1-4]
      [0x81, 0x38, name, none, body], // DUP at QoS 0 [MQTT-3.3.1-2]
      [0x81, 0x30, str(topic("+")), none, body], // wildcard [MQTT-3.3.2-2]
      [0x81, 0x30, str(topic("a\0")), none, body], // NUL [MQTT-1.5.4-2]
      [0x81, 0x30, [0, 3, 0xed, 0xa0, 0x80], none, body], // surrogate [MQTT-1.5.4-1]
      [0x81, 0x30, [0xff, 0xff], utf8("beyond")], // longer than the packet
      [0x82, 0x32, name, [0, 0], none, body], // packet identifier 0 [MQTT-2.2.1-3]
      [level === 5 ? 0x82 : 0x81, 0x30, [0, 0], none, body], // no topic, and at 5.0 no alias
    ];
    const only5: typeof cases = [
      [0x82, 0x30, name, list(0x01, 1, 0x01, 1), body], // a property twice
      [0x82, 0x30, name, list(0x01, 2), body], // payload format indicator 2
      [0x81, 0x30, name, list(0x11, u32(1)), body], // a property of CONNECT
      [0x81, 0x30, name, list(0x7f, 1), body], // no such property
      [0x81, 0x30, name, list(0x02, 0, 0), body], // half a property
      [0x81, 0x30, name, [0x80, 0x00], body], // a length longer than needed [MQTT-1.5.5-1]
      [0x82, 0x30, name, list(0x0b, 1), body], // a client's subscription identifier [MQTT-3.3.4-6]
      [0x82, 0x30, name, list(0x08, str("a/#")), body], // wildcard in the response topic [MQTT-3.3.2-14]
    ];
    for (const [reason, firstByte, ...parts] of level === 5 ? [...cases, ...only5] : cases) {
      const client = await open();
      client.sendRaw(packet(firstByte, ...parts));
      await client.isDisconnected(reason);
    }
    await bystander.receivesNothing();
  },
);
