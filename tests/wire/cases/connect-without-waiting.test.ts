import { behaviour } from "../support/behaviour.ts";
import { str, utf8 } from "../support/bytes.ts";

// CONNACK comes first: [MQTT-3.1.1:3.2.0-1]
behaviour("a client need not wait for CONNACK [MQTT-3.1.4-6]", async ({ dial, connect, topic, none }) => {
  const client = await dial();
  client.sendConnect(connect());
  client.send(0x82, [0, 1], none, str(topic()), 0); // SUBSCRIBE
  client.send(0x30, str(topic()), none, utf8("hi")); // PUBLISH
  client.send(0xc0); // PINGREQ
  await client.isAccepted();
  await client.receives(0x90, [0, 1], none, 0);
  await client.receives(0x30, str(topic()), none, utf8("hi"));
  await client.receives(0xd0);
});
