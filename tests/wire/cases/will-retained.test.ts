import { behaviour } from "../support/behaviour.ts";
import { packet, str, utf8 } from "../support/bytes.ts";

// [MQTT-3.1.1:3.1.2-17]
behaviour(
  "a will with retain is stored, without it is not [MQTT-3.1.2-14] [MQTT-3.1.2-15] [MQTT-3.1.1:3.1.2-16]",
  async ({ open, topic, subscribe, none, retain }) => {
    const witness = await open();
    for (const isRetained of [true, false]) {
      const name = topic(`${isRetained}`);
      await subscribe(witness, name, 0);
      const client = await open({ will: { topic: name, payload: "lost", retain: isRetained } });
      client.cut();
      await witness.receives(0x30, str(name), none, utf8("lost"));
      const [late, cleaner] = [await open(), await open()];
      late.send(0x82, [0, 1], none, str(name), 0);
      const suback = packet(0x90, [0, 1], none, 0);
      if (isRetained) await late.receivesInAnyOrder(suback, packet(0x31, str(name), none, utf8("lost")));
      else await late.receivesInAnyOrder(suback);
      await late.receivesNothing();
      await retain(cleaner, name, ""); // clean up
      await witness.receives(0x30, str(name), none);
    }
  },
);
