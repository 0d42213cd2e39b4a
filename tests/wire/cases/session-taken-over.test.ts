import { behaviour } from "../support/behaviour.ts";
import { str, utf8 } from "../support/bytes.ts";

behaviour(
  "a second connection with the same client id ends the first [MQTT-3.1.4-3] [MQTT-3.1.1:3.1.4-2]",
  async ({ open, clientId, subscribe, topic, none }) => {
    const first = await open({ clientId });
    const second = await open({ clientId });
    await first.isDisconnected(0x8e); // session taken over
    await subscribe(second, topic(), 0);
    second.send(0x30, str(topic()), none, utf8("hi"));
    await second.receives(0x30, str(topic()), none, utf8("hi"));
  },
);
