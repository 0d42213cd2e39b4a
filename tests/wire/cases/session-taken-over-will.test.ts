import { behaviour } from "../support/behaviour.ts";
import { str, utf8 } from "../support/bytes.ts";

behaviour(
  "the will of a connection that is taken over goes out [MQTT-3.1.2-8] [MQTT-3.1.1:3.1.2-8]",
  async ({ open, clientId, subscribe, topic, none }) => {
    const witness = await open();
    await subscribe(witness, topic(), 0);
    const first = await open({ clientId, will: { topic: topic(), payload: "gone" } });
    await open({ clientId });
    await first.isDisconnected(0x8e);
    await witness.receives(0x30, str(topic()), none, utf8("gone"));
  },
);
