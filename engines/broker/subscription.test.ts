import { describe, expect, test } from "vitest";
import { lasting, subscribePacket, TestHome } from "./test-home.ts";

describe("subscriptions", () => {
  test("overlapping ones give one copy with the highest QoS and every identifier", () => {
    const client = new TestHome().client("owner");
    client.subscribe("a/#", { qos: 0 }, { subscriptionIdentifiers: [3] });
    client.subscribe("a/+", { qos: 2 }, { subscriptionIdentifiers: [4] });
    client.take();
    client.publish("a/b", "x", { qos: 1 });
    const [, message] = client.take();
    expect(message).toMatchObject({ qos: 1, properties: { subscriptionIdentifiers: [3, 4] } });
  });

  test.each([{}, { contentType: "t" }, { messageExpiryInterval: 9 }])(
    "at QoS 0 each subscriber gets the message in its own terms, whoever got it before (%o)",
    (properties) => {
      const home = new TestHome();
      const terms = [
        { level: 5 },
        { level: 5, identifier: 3 },
        { level: 5, identifier: 5 },
        { level: 4 },
        { level: 5, identifier: 4, retainAsPublished: true },
        { level: 5, retainAsPublished: true },
        { level: 5, aliases: 1 },
        { level: 5 },
        { level: 4 },
      ] as const;
      const all = terms.map((term, i) => {
        const client = home.client("owner", {
          mqttClientId: `c${i}`,
          protocolLevel: term.level,
          properties: "aliases" in term ? { topicAliasMaximum: term.aliases } : {},
        });
        const options = { retainAsPublished: "retainAsPublished" in term && term.level === 5 };
        const identifiers = "identifier" in term ? { subscriptionIdentifiers: [term.identifier] } : undefined;
        client.subscribe("a", options, identifiers);
        client.take();
        return client;
      });
      home.client("owner", { mqttClientId: "p" }).publish("a", "x", { retain: true, properties });
      for (const [i, client] of all.entries()) {
        const term = terms[i] ?? { level: 5 };
        const listed = {
          ...(term.level === 5 && properties),
          ...("identifier" in term && { subscriptionIdentifiers: [term.identifier] }),
          ...("aliases" in term && { topicAlias: 1 }),
        };
        const [message] = client.take();
        const payload = new TextEncoder().encode("x");
        expect(message).toMatchObject({ topicName: "a", payload, retain: "retainAsPublished" in term });
        expect((message?.type === "publish" && message.properties) || {}).toEqual(listed);
      }
    },
  );

  test("No Local keeps a client's own messages from it, and the others' not", () => {
    const home = new TestHome();
    const one = home.client("owner", { mqttClientId: "one" });
    const two = home.client("owner", { mqttClientId: "two" });
    for (const client of [one, two]) client.subscribe("a", { noLocal: true });
    one.publish("a", "x");
    expect(one.takeMessages()).toEqual([]);
    expect(two.takeMessages()).toEqual(["a=x"]);
  });

  test("RETAIN is cleared for an existing subscription unless it asked for it as published", () => {
    const home = new TestHome();
    const client = home.client("owner");
    client.subscribe("a");
    client.subscribe("b", { retainAsPublished: true });
    client.take();
    client.publish("a", "1", { retain: true });
    client.publish("b", "2", { retain: true });
    expect(client.take()).toMatchObject([{ retain: false }, { retain: true }]);
  });

  test.each([
    ["a/#", "a/+"],
    ["a/+", "a/#"],
  ])("RETAIN stays as published if one of overlapping subscriptions asked for that (%s)", (asks, other) => {
    const client = new TestHome().client("owner");
    client.subscribe(asks, { retainAsPublished: true });
    client.subscribe(other);
    client.take();
    client.publish("a/b", "1", { retain: true });
    client.publish("a/b", "2");
    expect(client.take()).toMatchObject([{ retain: true }, { retain: false }]);
  });

  test.each([
    [0, 1, 1],
    [1, 1, 0],
    [2, 0, 0],
  ] as const)(
    "retain handling %i sends %i at first and %i when subscribed again",
    (retainHandling, first, again) => {
      const home = new TestHome();
      const client = home.client("owner");
      client.publish("a", "x", { retain: true });
      client.subscribe("a", { retainHandling });
      expect(client.takeMessages()).toHaveLength(first);
      client.subscribe("a", { retainHandling });
      expect(client.takeMessages()).toHaveLength(again);
    },
  );

  test("UNSUBSCRIBE ends it and says whether there was one", () => {
    const client = new TestHome().client("owner");
    client.subscribe("a");
    client.take();
    client.send({ type: "unsubscribe", packetId: 3, topicFilters: ["a", "b"] as never });
    client.publish("a", "x");
    expect(client.take()).toEqual([{ type: "unsuback", packetId: 3, reasonCodes: [0, 0x11] }]);
  });

  test("a share group gets each message once, in turn, and no retained ones", () => {
    const home = new TestHome();
    const members = ["one", "two"].map((mqttClientId) => home.client("owner", { mqttClientId }));
    const publisher = home.client("owner", { mqttClientId: "p" });
    publisher.publish("a", "old", { retain: true });
    for (const member of members) member.subscribe("$share/group/a", { qos: 1 });
    for (const value of ["1", "2", "3", "4"]) publisher.publish("a", value, { qos: 1 });
    expect(members.map((member) => member.takeMessages())).toEqual([
      ["a=1", "a=3"],
      ["a=2", "a=4"],
    ]);
  });

  test("a share group passes over a member whose window is full while another has room", () => {
    const home = new TestHome();
    const members = [1, 10].map((receiveMaximum, i) =>
      home.client("owner", { mqttClientId: `m${i}`, properties: { receiveMaximum } }),
    );
    for (const member of members) member.subscribe("$share/group/a", { qos: 1 });
    const publisher = home.client("owner", { mqttClientId: "p" });
    for (const value of ["1", "2", "3", "4"]) publisher.publish("a", value, { qos: 1 });
    expect(members.map((member) => member.takeMessages())).toEqual([["a=1"], ["a=2", "a=3", "a=4"]]);
  });

  test("a share group passes over a member that is away while another is there", () => {
    const home = new TestHome();
    const away = home.client("owner", lasting);
    const here = home.client("owner", { mqttClientId: "here" });
    for (const member of [away, here]) member.subscribe("$share/group/a", { qos: 1 });
    away.vanish();
    for (const value of ["1", "2"]) here.publish("a", value, { qos: 1 });
    expect(here.takeMessages()).toEqual(["a=1", "a=2"]);
    for (const packetId of [1, 2]) here.send({ type: "puback", packetId, reasonCode: 0 });
    here.disconnect();
    home.client("owner", { mqttClientId: "p" }).publish("a", "3", { qos: 1 });
    expect(home.client("owner", lasting).takeMessages()).toEqual(["a=3"]);
  });
});

test("a subscription by name finds its retained message without looking further", () => {
  const home = new TestHome();
  const client = home.client("owner");
  client.publish("a/b", "1", { retain: true });
  client.publish("a", "2", { retain: true });
  client.send(subscribePacket("a/b"), subscribePacket("a/#"));
  expect(client.takeMessages()).toEqual(["a/b=1", "a=2", "a/b=1"]);
});
