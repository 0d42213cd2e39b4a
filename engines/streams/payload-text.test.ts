import { encode } from "cborg";
import { expect, test } from "vitest";
import { payloadText } from "./payload-text.ts";
import { readPayload } from "./thing-payload.ts";

const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const map = (...entries: [unknown, unknown][]) => new Map(entries);

test("SenML in CBOR has its names again, and is told by its first byte", () => {
  // RFC 8428 §6: [{-2: "urn:dev:ow:10e2073a01080063:", -3: 1.276020076001e+09, 0: "voltage", 1: "V", 2: 120.1}]
  const pack = bytes(
    "81" +
      "a5" +
      `21781b${hexOf("urn:dev:ow:10e2073a01080063")}` +
      "22fb41d303a15b001062" +
      `0067${hexOf("voltage")}` +
      `0161${hexOf("V")}` +
      "02fb405e066666666666",
  );
  expect(JSON.parse(payloadText(pack, undefined) ?? "")).toEqual([
    { bn: "urn:dev:ow:10e2073a01080063", bt: expect.any(Number), n: "voltage", u: "V", v: 120.1 },
  ]);
  const payload = payloadText(pack, "application/senml+cbor") ?? "";
  const event = { device: "dh1", name: "x", topic: "telemetry/voltage", payload, atMs: 0 };
  expect(readPayload(event).readings).toMatchObject([{ property: "voltage", unit: "V", value: 120.1 }]);
});

test("every label, a boolean, a text, data, and a label that is text", () => {
  const pack = encode([
    map([-1, 10], [-2, "b"], [-3, 1.5], [-4, "Cel"], [-5, 1], [-6, 2], [0, "n"], [1, "lx"], [2, 3]),
    map([0, "a"], [4, true], [6, 7], [7, 8]),
    map([0, "b"], [3, "on"], [5, 9]),
    map([0, "c"], [8, Uint8Array.of(1, 2, 255)], ["own_", 4]),
  ]);
  expect(JSON.parse(payloadText(pack, undefined) ?? "")).toEqual([
    { bver: 10, bn: "b", bt: 1.5, bu: "Cel", bv: 1, bs: 2, n: "n", u: "lx", v: 3 },
    { n: "a", vb: true, t: 7, ut: 8 },
    { n: "b", vs: "on", s: 9 },
    { n: "c", vd: "AQL_", own_: 4 },
  ]);
});

test.each([
  ["a map", "a261610161620a", undefined, '{"a":1,"b":10}'],
  ["an array", "83010203", undefined, "[1,2,3]"],
  ["a double", "fb4035800000000000", undefined, "21.5"],
  ["a half float", "f93e00", undefined, "1.5"],
  ["true", "f5", undefined, "true"],
  ["null", "f6", undefined, "null"],
  ["undefined", "f7", undefined, "null"],
  ["a small integer, which looks like text", "15", "application/cbor", "21"],
  ["a text string, which looks like text", "626f6e", "application/cbor", '"on"'],
  ["an integer beyond 2^53", "821b002000000000000100", undefined, '["9007199254740993",0]'],
  ["a decimal fraction (tag 4)", "c48221196ab3", "application/cbor", "273.15"],
  ["a self-described value", "d9d9f7820102", undefined, "[1,2]"],
  ["an indefinite array", "9f0102ff", undefined, "[1,2]"],
])("%s in CBOR becomes JSON", (_, hex, contentType, json) => {
  expect(payloadText(bytes(hex), contentType)).toBe(json);
});

test("UTF-8 stays as it is, whatever it holds", () => {
  for (const text of ["21.5", '{"a":"ü"}', "on", "\u0015", "日本"]) {
    expect(payloadText(new TextEncoder().encode(text), undefined)).toBe(text);
    expect(payloadText(new TextEncoder().encode(text), "application/json")).toBe(text);
  }
});

test.each([
  ["nothing", "", undefined],
  ["a cut array", "8301", undefined],
  ["two values", "8101f5", undefined],
  ["neither UTF-8 nor CBOR", "ff00", undefined],
  ["JSON that is called CBOR", "7b7d", "application/cbor"],
  ["an unknown tag", "d9012c81fb4035800000000000", undefined],
  ["a decimal fraction without numbers", "c482616161f5", "application/cbor"],
])("%s is nothing for a rule", (_, hex, contentType) => {
  expect(payloadText(bytes(hex), contentType)).toBeUndefined();
});

test("what is too long or too deep is refused, not thrown", () => {
  expect(payloadText(new Uint8Array(65_537).fill(0x20), undefined)).toBeUndefined();
  expect(payloadText(new Uint8Array(65_000).fill(0x81), undefined)).toBeUndefined();
});

function hexOf(text: string): string {
  return [...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
