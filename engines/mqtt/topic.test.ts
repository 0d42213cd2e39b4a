import { expect, test } from "vitest";
import { Decoder } from "./decoder.ts";
import type { TopicFilter, TopicName } from "./packet.ts";
import { isShared, isTopicFilter, isTopicName, matches, parseSharedFilter } from "./topic.ts";
import { TopicNames } from "./topic-names.ts";

test.each([
  ["a", true],
  ["/", true],
  ["a//b", true],
  [" ", true],
  ["$SYS/uptime", true],
  ["", false],
  ["a+", false],
  ["a/#", false],
  ["a\0b", false],
])("the topic name %j is allowed: %s", (text, expected) => {
  expect(isTopicName(text)).toBe(expected);
});

test.each([
  ["#", true],
  ["+", true],
  ["/+", true],
  ["a/#", true],
  ["+/a/+/#", true],
  ["a//#", true],
  ["", false],
  ["a#", false],
  ["a/#/b", false],
  ["##", false],
  ["a+", false],
  ["+a/b", false],
  ["a/+b", false],
  ["++", false],
  ["a\0", false],
])("the topic filter %j is allowed: %s", (text, expected) => {
  expect(isTopicFilter(text)).toBe(expected);
});

test.each([
  ["sport/tennis/player1/#", "sport/tennis/player1", true],
  ["sport/tennis/player1/#", "sport/tennis/player1/ranking", true],
  ["sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true],
  ["sport/tennis/player1/#", "sport/tennis/player12", false],
  ["sport/#", "sport", true],
  ["sport/#", "sport/", true],
  ["#", "a/b/c", true],
  ["#", "/", true],
  ["sport/tennis/+", "sport/tennis/player1", true],
  ["sport/tennis/+", "sport/tennis/player1/ranking", false],
  ["sport/+", "sport", false],
  ["sport/+", "sport/", true],
  ["+/+", "/finance", true],
  ["/+", "/finance", true],
  ["+", "/finance", false],
  ["+", "a", true],
  ["+/#", "a", true],
  ["+/+/#", "a", false],
  ["a/+/b", "a//b", true],
  ["a/+/b", "a/x/y/b", false],
  ["a", "a/", false],
  ["a/", "a", false],
  ["/a", "a", false],
  ["A", "a", false],
  ["#", "$SYS/a", false],
  ["+/a", "$SYS/a", false],
  ["$SYS/#", "$SYS/a", true],
  ["$SYS/+", "$SYS/a", true],
  ["$SYS/a", "$SYS/a", true],
  ["a/#", "a/$SYS", true],
  ["+", "$", false],
  ["a/b/#", "a", false],
])(
  "filter %j matches %j: %s [MQTT-4.7.2-1] [MQTT-4.7.3-4] [MQTT-3.1.1:4.7.2-1] [MQTT-3.1.1:4.7.3-4]",
  (filter, name, expected) => {
    // Both are well formed; the brands are what the decoder would give them.
    expect(matches(filter as TopicFilter, name as TopicName)).toBe(expected);
  },
);

test.each([
  ["$share/g/a/+", { shareName: "g", topicFilter: "a/+" }],
  ["$share/g//a", { shareName: "g", topicFilter: "/a" }],
  ["$share/g/$SYS/#", { shareName: "g", topicFilter: "$SYS/#" }],
  ["$share/g/", undefined],
  ["$share/g", undefined],
  ["$share//a", undefined],
  ["$share/g+/a", undefined],
  ["$share/#/a", undefined],
  ["$share/g/a#", undefined],
  ["$shared/g/a", undefined],
  ["a", undefined],
])("the shared filter %j is %j", (text, expected) => {
  expect(parseSharedFilter(text)).toEqual(expected);
  expect(isShared(text)).toBe(text.startsWith("$share/"));
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("the table of names gives the right name also when slots collide", () => {
  const names = new TopicNames(2);
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 20; i++) {
      const text = `devices/${i}/telemetry/temperatur\u00e9`;
      const encoded = bytes(text);
      expect(names.decode(encoded, 0, encoded.length)).toBe(text);
    }
  }
});

test("names of any length pass, and a bad one is refused every time", () => {
  const names = new TopicNames();
  for (const length of [1, 127, 128, 129, 1000, 65_535]) {
    const text = "x".repeat(length);
    expect(names.decode(bytes(text), 0, length)).toBe(text);
  }
  for (let i = 0; i < 2; i++) expect(() => names.decode(bytes("a/#"), 0, 3)).toThrow("topic name");
});

test("a name seen before does not let its altered bytes pass", () => {
  const server = new Decoder({ role: "server", maximumPacketSize: 100, protocolLevel: 4 });
  const frame = Uint8Array.of(0x30, 3, 0, 1, 0x61);
  expect(server.push(frame).packets).toMatchObject([{ topicName: "a" }]);
  frame[4] = 0x62;
  expect(server.push(frame).packets).toMatchObject([{ topicName: "b" }]);
});
