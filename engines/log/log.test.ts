import { expect, test } from "vitest";
import { createLog, newRequestId } from "./log.ts";

function written(event: string, fields: Parameters<ReturnType<typeof createLog>["info"]>[1]) {
  const lines: string[] = [];
  createLog(
    "didp",
    (line) => lines.push(line),
    () => 0,
  ).info(event, fields);
  return JSON.parse(lines[0] ?? "null");
}

test("a line holds the program's own words as they are", () => {
  const requestId = newRequestId();
  expect(
    written("request", {
      route: "POST /token",
      status: 400,
      duration_ms: 1.234,
      code: "BAD_REQUEST",
      request_id: requestId,
    }),
  ).toEqual({
    at: "1970-01-01T00:00:00.000Z",
    level: "info",
    worker: "didp",
    event: "request",
    route: "POST /token",
    status: 400,
    duration_ms: 1.23,
    code: "BAD_REQUEST",
    request_id: requestId,
  });
});

test.each([
  ["an e-mail address", "alice@example.com"],
  ["a base64url token", "q9XbZ_0tS2mFhVw3KfJp1A"],
  ["a token of lower-case letters", "abcdefghijklmnopqrstuvwxyz234567"],
  ["a long number", "route/4929123412341234"],
  ["a sentence", "user Alice was here"],
  ["an overlong word", "a-".repeat(40)],
])("%s never reaches a line", (_, secret) => {
  for (const field of ["route", "code", "step", "request_id"] as const) {
    const line = written("request", { [field]: secret });
    expect(line[field]).toBe("?");
  }
  expect(written(secret, {}).event).toBe("?");
});
