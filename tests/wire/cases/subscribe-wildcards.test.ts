import { behaviour } from "../support/behaviour.ts";

// Nothing arrives that the filter does not match: [MQTT-3.3.2-3] [MQTT-3.1.1:3.3.2-3] [MQTT-3.1.1:4.7.1-3]
behaviour(
  "'+' matches one level, '#' the rest and its parent [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-3.1.1:4.7.1-2]",
  async ({ open, topic, subscribe, publish }) => {
    const [one, rest, middle] = [await open(), await open(), await open()];
    await subscribe(one, topic("+"), 1);
    await subscribe(rest, topic("a", "#"), 1);
    await subscribe(middle, topic("+", "b", "+"), 1);
    const publisher = await open();
    for (const name of [topic("a"), topic("a", "b"), topic("a", "b", "c"), topic("", "b", ""), topic("b")]) {
      await publish(publisher, name, "hi");
    }
    const message = (name: string) => ({ firstByte: 0x32, topic: name, payload: "hi" });
    for (const name of [topic("a"), topic("b")]) await one.receivesPublish(message(name));
    for (const name of [topic("a"), topic("a", "b"), topic("a", "b", "c")])
      await rest.receivesPublish(message(name));
    for (const name of [topic("a", "b", "c"), topic("", "b", "")])
      await middle.receivesPublish(message(name));
    for (const client of [one, rest, middle]) await client.receivesNothing();
  },
);
