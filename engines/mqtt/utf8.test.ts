import { expect, test } from "vitest";
import { decodeUtf8, encodeUtf8, isUtf8String } from "./utf8.ts";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What the platform's decoder says, less what MQTT forbids or lets a receiver refuse. */
function isAllowed(bytes: Uint8Array): boolean {
  let text: string;
  try {
    text = strict.decode(bytes);
  } catch {
    return false;
  }
  return [...text].every((character) => {
    const codePoint = character.codePointAt(0) ?? 0;
    const isControl = codePoint < 0x20 || (codePoint >= 0x7f && codePoint <= 0x9f);
    const isNonCharacter = (codePoint >= 0xfdd0 && codePoint <= 0xfdef) || (codePoint & 0xfffe) === 0xfffe;
    return !isControl && !isNonCharacter;
  });
}

test("every sequence of one and two bytes is judged as the platform's decoder judges it", () => {
  for (let first = 0; first < 256; first++) {
    expect(isUtf8String(Uint8Array.of(first))).toBe(isAllowed(Uint8Array.of(first)));
    for (let second = 0; second < 256; second++) {
      const bytes = Uint8Array.of(first, second);
      if (isUtf8String(bytes) !== isAllowed(bytes)) expect.fail(`${first} ${second}`);
    }
  }
});

test("so is every sequence of three and four bytes at the edges of their ranges", () => {
  const edges = [0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xb7, 0xbe, 0xbf, 0xc0, 0xff];
  for (let first = 0xc0; first < 256; first++) {
    for (const second of edges) {
      for (const third of edges) {
        check(Uint8Array.of(first, second, third));
        for (const fourth of edges) check(Uint8Array.of(first, second, third, fourth));
      }
    }
  }
  function check(bytes: Uint8Array): void {
    if (isUtf8String(bytes) !== isAllowed(bytes)) expect.fail([...bytes].join(" "));
  }
});

test.each([
  ["NUL", [0x61, 0x00]],
  ["a high surrogate", [0xed, 0xa0, 0x80]],
  ["a low surrogate", [0xed, 0xbf, 0xbf]],
  ["a surrogate pair in six bytes", [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]],
  ["an overlong slash", [0xc0, 0xaf]],
  ["an overlong NUL", [0xc0, 0x80]],
  ["an overlong slash in three bytes", [0xe0, 0x80, 0xaf]],
  ["an overlong euro sign in four bytes", [0xf0, 0x82, 0x82, 0xac]],
  ["a code point above U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
  ["a lone continuation byte", [0x80]],
  ["a character cut short", [0xe2, 0x82]],
  ["a control character", [0x1f]],
  ["a control character of Latin-1", [0xc2, 0x9f]],
  ["a non-character", [0xef, 0xbf, 0xbf]],
])("%s is refused", (_, list) => {
  const bytes = Uint8Array.from(list);
  expect(isUtf8String(bytes)).toBe(false);
  expect(() => decodeUtf8(bytes, 0, bytes.length)).toThrow(
    expect.objectContaining({ code: "MALFORMED_PACKET" }),
  );
});

test("U+FEFF stays, in front and inside [MQTT-1.5.4-3] [MQTT-3.1.1:1.5.3-3]", () => {
  const bytes = Uint8Array.of(0xef, 0xbb, 0xbf, 0x61, 0xef, 0xbb, 0xbf);
  expect(decodeUtf8(bytes, 0, bytes.length)).toBe("\uFEFFa\uFEFF");
  expect([...encodeUtf8("\uFEFFa\uFEFF")]).toEqual([...bytes]);
});

test("only the given range is read", () => {
  expect(decodeUtf8(Uint8Array.of(0x00, 0x61, 0x62, 0xff), 1, 3)).toBe("ab");
});

test.each(["a\uD800", "\uDC00", "a\0b"])("%j is not written", (text) => {
  expect(() => encodeUtf8(text)).toThrow(expect.objectContaining({ code: "MALFORMED_PACKET" }));
});

test("65,535 bytes are written, one more is not [MQTT-4.7.3-3] [MQTT-3.1.1:4.7.3-3]", () => {
  expect(encodeUtf8("x".repeat(65_535))).toHaveLength(65_535);
  expect(() => encodeUtf8("é".repeat(32_768))).toThrow("65,535");
});
