import { behaviour } from "../support/behaviour.ts";
import { str, u16, utf8 } from "../support/bytes.ts";

behaviour(
  "a client that exceeds the server's Receive Maximum is disconnected with 0x93 [MQTT-3.3.4-7]",
  async ({ dial, connect, topic }) => {
    const client = await dial();
    client.sendConnect(connect());
    const { properties } = await client.isAccepted();
    const maximum = properties?.receiveMaximum ?? 65_535;
    // QoS 2 without PUBREL: nothing completes
    for (let id = 1; id <= maximum; id++) client.send(0x34, str(topic()), u16(id), 0, utf8("x"));
    for (let id = 1; id <= maximum; id++) await client.isAcknowledged("pubrec", id);
    client.send(0x34, str(topic()), u16(maximum + 1), 0, utf8("x"));
    await client.isDisconnected(0x93);
  },
  { levels: [5] },
);
