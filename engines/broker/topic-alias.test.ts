import { describe, expect, test } from "vitest";
import { TestHome } from "./test-home.ts";

describe("topic aliases", () => {
  test("a client's alias stands for its topic, until it is given another", () => {
    const home = new TestHome();
    const client = home.client("owner");
    client.subscribe("#");
    client.publish("a", "1", { properties: { topicAlias: 1 } });
    home.evict();
    client.publish("", "2", { properties: { topicAlias: 1 } });
    client.publish("b", "3", { properties: { topicAlias: 1 } });
    client.publish("", "4", { properties: { topicAlias: 1 } });
    expect(client.takeMessages()).toEqual(["a=1", "a=2", "b=3", "b=4"]);
  });

  test.each([
    ["above the maximum", 17, "a", 0x94],
    ["that was never given a topic", 3, "", 0x82],
  ])("an alias %s closes the connection", (_, topicAlias, name, code) => {
    const client = new TestHome().client("owner");
    client.take();
    client.publish(name, "x", { properties: { topicAlias } });
    expect(client.take()).toEqual([{ type: "disconnect", reasonCode: code }]);
  });

  test("a client that takes aliases gets them, within its maximum, and across an eviction", () => {
    const home = new TestHome();
    const client = home.client("owner", { properties: { topicAliasMaximum: 1 } });
    client.subscribe("#");
    client.take();
    client.publish("a", "1");
    client.publish("b", "2");
    home.evict();
    client.publish("a", "3");
    expect(client.take()).toMatchObject([
      { topicName: "a", properties: { topicAlias: 1 } },
      { topicName: "b" },
      { topicName: "", properties: { topicAlias: 1 } },
    ]);
  });
});
