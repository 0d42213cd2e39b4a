import { behaviour } from "../support/behaviour.ts";
import { str, utf8 } from "../support/bytes.ts";

// Real time: a second and a half, for the one thing here that nothing but time can show.
// The server announces no keep alive of its own for one as short as this, so the client's counts:
// [MQTT-3.2.2-22]
behaviour(
  "a client silent for 1.5 times its keep alive is dropped and its will goes out [MQTT-3.1.2-22] [MQTT-3.1.1:3.1.2-24]",
  async ({ open, subscribe, topic, none }) => {
    const witness = await open();
    await subscribe(witness, topic(), 0);
    const silent = await open({ keepAliveSeconds: 1, will: { topic: topic(), payload: "lost" } });
    await silent.isDisconnected(0x8d); // keep alive timeout
    await witness.receives(0x30, str(topic()), none, utf8("lost"));
  },
);
