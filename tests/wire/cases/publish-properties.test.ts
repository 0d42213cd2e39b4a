import type { TopicName } from "../../../engines/mqtt/packet.ts";
import { behaviour } from "../support/behaviour.ts";
import { list, str, utf8 } from "../support/bytes.ts";

behaviour(
  "what a PUBLISH says of itself is passed on unaltered and in order [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20]",
  async ({ open, topic, subscribe }) => {
    const subscriber = await open();
    await subscribe(subscriber, topic(), 0);
    const publisher = await open();
    publisher.send(
      0x30,
      str(topic()),
      list(
        ...[0x01, 1], // payload format indicator
        ...[0x03, str("application/json")], // content type
        ...[0x08, str(topic("reply"))], // response topic
        ...[0x09, [0, 3], [0, 1, 255]], // correlation data
        ...[0x26, str("b"), str("1")], // user properties
        ...[0x26, str("a"), str("")],
        ...[0x26, str("b"), str("0")],
      ),
      utf8("{}"),
    );
    await subscriber.receivesPublish({
      firstByte: 0x30,
      topic: topic(),
      payload: "{}",
      properties: {
        payloadFormatIndicator: 1,
        contentType: "application/json",
        responseTopic: topic("reply") as TopicName,
        correlationData: Uint8Array.of(0, 1, 255),
        userProperties: [
          ["b", "1"],
          ["a", ""],
          ["b", "0"],
        ],
      },
    });
  },
  { levels: [5] },
);
