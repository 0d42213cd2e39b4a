import { behaviour } from "../support/behaviour.ts";
import { str } from "../support/bytes.ts";

// The same identifier, the granted QoS, in order: [MQTT-2.2.1-6] [MQTT-3.8.4-2] [MQTT-3.8.4-7]
// [MQTT-3.1.1:2.3.1-7] [MQTT-3.1.1:3.8.4-1] [MQTT-3.1.1:3.8.4-2] [MQTT-3.1.1:3.8.4-4] [MQTT-3.1.1:3.8.4-5]
// [MQTT-3.1.1:3.9.3-1]
behaviour(
  "a SUBSCRIBE of several filters gets one SUBACK with a code for each, in order [MQTT-3.8.4-1] [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.9.3-1]",
  async ({ open, topic, none }) => {
    const client = await open();
    client.send(0x82, [0x12, 0x34], none, str(topic("a")), 2, str(topic("b/#")), 0, str(topic("+/c")), 1);
    await client.receives(0x90, [0x12, 0x34], none, [2, 0, 1]);
  },
);
