import { behaviour } from "../support/behaviour.ts";
import { list, str } from "../support/bytes.ts";

// A client without a method must not send AUTH: [MQTT-4.12.0-7]
behaviour(
  "AUTH on a connection without an authentication method is a protocol error [MQTT-4.12.0-6] [MQTT-4.12.1-1]",
  async ({ open }) => {
    const client = await open();
    client.send(0xf0, 0x19, list(0x15, str("unknown"))); // re-authenticate
    await client.isDisconnected(0x82);
  },
  { levels: [5] },
);
