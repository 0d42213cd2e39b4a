import { expect, test } from "vitest";
import { has, sightingOf } from "./support/canary.ts";
import { Captures } from "./support/captures.ts";

const canary = "canary-9f31c2";

test.each([
  ["as it is", (text: string) => text],
  ["in hex", (text: string) => Buffer.from(text).toString("hex")],
  ["in upper-case hex", (text: string) => Buffer.from(text).toString("hex").toUpperCase()],
  ["in base64", (text: string) => Buffer.from(text).toString("base64")],
  ["in base64url", (text: string) => Buffer.from(text).toString("base64url")],
  ["percent-encoded", (text: string) => encodeURIComponent(text)],
])("a canary is found %s, after any number of other bytes", (_, write) => {
  for (const before of ["", "a", "ab", "abc"]) {
    const captures = new Captures();
    captures.add("gateway", "seen", write(`${before}${canary}, and more`));
    expect(has(captures, ["gateway"], canary)).toBe(true);
    expect(has(captures, ["pcm"], canary)).toBe(false);
  }
});

test("an id in base64url is found as the bytes that it stands for", () => {
  const id = Buffer.from("0123456789abcdef").toString("base64url");
  const captures = new Captures();
  captures.add("pcm", "kept", Buffer.from("..0123456789abcdef.."));
  expect(has(captures, ["pcm"], id)).toBe(true);
});

test("a canary that came in two pieces is found", () => {
  const captures = new Captures();
  const tell = captures.open("tpa", "seen");
  tell(canary.slice(0, 5));
  tell(canary.slice(5));
  expect(sightingOf(captures, "tpa", [canary])).toBe("seen");
});

test("what lies in a store counts more than what passed through, and nothing is nothing", () => {
  const captures = new Captures();
  captures.add("pcm", "seen", canary);
  expect(sightingOf(captures, "pcm", [canary])).toBe("seen");
  captures.add("pcm", "kept", canary);
  expect(sightingOf(captures, "pcm", [canary])).toBe("kept");
  expect(sightingOf(captures, "gateway", [canary])).toBe("–");
});

test("a canary that chance could make is refused", () => {
  expect(() => has(new Captures(), ["pcm"], "short")).toThrow("8 characters");
});
