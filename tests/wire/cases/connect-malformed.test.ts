import { behaviour } from "../support/behaviour.ts";
import { str } from "../support/bytes.ts";

// [MQTT-4.13.2-1] [MQTT-3.1.1:3.2.2-6] 5.0 may say why before it closes, 3.1.1 may not:
behaviour(
  "a malformed CONNECT is refused, at 5.0 with 0x81 or without a word [MQTT-3.1.4-1] [MQTT-3.1.1:3.1.4-1]",
  async ({ dial, level, none }) => {
    const start = (flags: number) => [...str("MQTT"), level, flags, 0, 10, ...none];
    for (const body of [
      [...start(0x03), ...str("p")], // reserved flag [MQTT-3.1.2-3]
      [...start(0x0a), ...str("p")], // will QoS without a will [MQTT-3.1.2-11] [MQTT-3.1.1:3.1.2-11]
      [...start(0x22), ...str("p")], // will retain without a will [MQTT-3.1.2-13]
      [...start(0x1e), ...str("p"), ...none, ...str("w"), ...str("m")], // will QoS 3 [MQTT-3.1.2-12]
      [...start(0x06), ...str("p")], // a will promised and missing [MQTT-3.1.2-9]
      [...start(0x82), ...str("p")], // a user name promised and missing [MQTT-3.1.2-17]
      [...start(0x02), ...str("p"), ...str("u")], // one there, not promised [MQTT-3.1.2-16] [MQTT-3.1.1:3.1.2-18]
      [...start(0xc2), ...str("p"), ...str("u")], // a password promised and missing [MQTT-3.1.2-19]
      [...start(0x82), ...str("p"), ...str("u"), ...str("s")], // one not promised [MQTT-3.1.2-18] [MQTT-3.1.1:3.1.2-20]
      [...start(0x02)], // no client id
      [...start(0x02), 0, 3, 0xed, 0xa0, 0x80], // a surrogate [MQTT-1.5.4-1]
      [...start(0x02), ...str("a\0b")], // NUL [MQTT-1.5.4-2]
    ]) {
      const client = await dial();
      client.send(0x10, body);
      if (level === 5) await client.isRefused([0x81], { orJustClosed: true });
      else await client.ends();
    }
  },
);
