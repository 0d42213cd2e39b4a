import { behaviour } from "../support/behaviour.ts";
import { str, utf8 } from "../support/bytes.ts";

behaviour(
  "topics are compared byte by byte: case, spaces, empty levels, any script [MQTT-4.7.3-4] [MQTT-1.5.4-3]",
  async ({ open, subscribe, topic, none }) => {
    const client = await open();
    for (const name of ["a", "A", "a b", "/a", "a/", "a//b", "é", "e\u0301", "漢字", "😀", "\uFEFFa", "$a"]) {
      await subscribe(client, topic(name), 0);
      client.send(0x30, str(topic(name)), none, utf8(name));
      await client.receives(0x30, str(topic(name)), none, utf8(name));
    }
    client.send(0x30, str(topic("E\u0301")), none, utf8("nobody"));
    await client.receivesNothing();
  },
);
