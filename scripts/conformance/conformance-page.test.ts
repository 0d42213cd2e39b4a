import { expect, test } from "vitest";
import { conformancePage, findGaps } from "./conformance-page.ts";

const specifications = [
  {
    specification: "MQTT 5.0",
    statements: [
      { id: "MQTT-1.0.0-1", says: "one" },
      { id: "MQTT-1.0.0-2", says: "two", exemption: "binds clients" },
      { id: "MQTT-1.0.0-3", says: "three" },
    ],
  },
];
const tags = new Map([
  ["MQTT-1.0.0-1", ["engines/mqtt/decoder.ts", "engines/mqtt/decoder.test.ts"]],
  ["MQTT-9.9.9-9", ["engines/mqtt/topic.ts"]],
]);

test("a statement without tag or reason, and a tag without statement, are gaps", () => {
  expect(findGaps(specifications, tags)).toEqual([
    "[MQTT-1.0.0-3] has neither a tag nor a reason: three",
    "[MQTT-9.9.9-9] is no statement, but a tag in engines/mqtt/topic.ts",
  ]);
});

test("the page links code and tests, or gives the reason", () => {
  const lines = conformancePage(specifications, tags).split("\n");
  expect(lines).toContain(
    "| 1.0.0-1 | one | [decoder](../engines/mqtt/decoder.ts) | [decoder](../engines/mqtt/decoder.test.ts) |",
  );
  expect(lines).toContain("| 1.0.0-2 | two |  | binds clients |");
  expect(lines).toContain("| 1.0.0-3 | three |  | **gap** |");
  expect(lines).toContain("3 statements: 1 with a test of their own, 1 that do not apply.");
});
