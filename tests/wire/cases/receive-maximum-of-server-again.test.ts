import { behaviour } from "../support/behaviour.ts";
import { str, u16, utf8 } from "../support/bytes.ts";

behaviour(
  "what an earlier connection left open does not count against the server's Receive Maximum (5.0 §4.9)",
  async ({ dial, connect, topic, clientId }) => {
    const keep = { clientId, cleanStart: false, properties: { sessionExpiryInterval: 60 } };
    const first = await dial();
    first.sendConnect(connect(keep));
    const { properties } = await first.isAccepted();
    const maximum = properties?.receiveMaximum ?? 65_535;
    for (let id = 1; id <= maximum; id++) first.send(0x34, str(topic()), u16(id), 0, utf8("x"));
    for (let id = 1; id <= maximum; id++) await first.isAcknowledged("pubrec", id);
    first.cut();
    const again = await dial();
    again.sendConnect(connect(keep));
    await again.isAccepted(true);
    for (let id = 1; id <= maximum; id++) again.send(0x34, str(topic()), u16(1000 + id), 0, utf8("x"));
    for (let id = 1; id <= maximum; id++) await again.isAcknowledged("pubrec", 1000 + id);
    // The next one is one too many, as on every connection
    again.send(0x34, str(topic()), u16(2000), 0, utf8("x"));
    await again.isDisconnected(0x93);
    // Its session ends here
    const last = await dial();
    last.sendConnect(connect({ clientId }));
    await last.isAccepted();
  },
  { levels: [5] },
);
