import { expect, test } from "vitest";
import { isAccessTokenGenuine, parseAccessToken, writeAccessToken } from "./access-token.ts";
import type { GrantId } from "./authority.ts";
import { base64url, fromBase64url } from "./base64url.ts";
import { issuerTag, randomTagged, tagOf } from "./issuer-tag.ts";
import { lengthPrefixed } from "./key-ring.ts";
import { isRefreshTokenGenuine, parseRefreshToken, writeRefreshToken } from "./refresh-token.ts";
import type { Shard } from "./shard.ts";
import { testKeys } from "./test-keys.ts";

const keys = testKeys(1);
const grantId = base64url(Uint8Array.from({ length: 16 }, (_, index) => index)) as GrantId;
const access = { grantId, sequence: 4_000_000_000, expiresAtMs: 1_795_300_000_000 };
const tag = await issuerTag("https://didp.example");
const refresh = { grantId, generation: 4_000_000_000 };

test("tokens read back as they were written, beyond 2³¹ and the year 2038", async () => {
  const later = { ...access, expiresAtMs: 5_000_000_000_000 };
  expect(parseAccessToken(await writeAccessToken(keys, access, "s", tag))).toEqual(access);
  expect(parseAccessToken(await writeAccessToken(keys, later, "s", tag))).toEqual(later);
  expect(parseRefreshToken(await writeRefreshToken(keys, refresh, "s"))).toEqual(refresh);
});

test("a token is genuine under its own key and salt only", async () => {
  const token = await writeAccessToken(keys, access, "salt", tag);
  expect(await isAccessTokenGenuine(keys, token, "salt")).toBe(true);
  expect(await isAccessTokenGenuine(keys, token, "other")).toBe(false);
  expect(await isAccessTokenGenuine(testKeys(2), token, "salt")).toBe(false);
  const renewal = await writeRefreshToken(keys, refresh, "salt");
  expect(await isRefreshTokenGenuine(keys, renewal, "salt")).toBe(true);
  expect(await isRefreshTokenGenuine(keys, renewal, "other")).toBe(false);
  expect(await isRefreshTokenGenuine(keys, token, "salt")).toBe(false);
});

test.each([
  [await writeRefreshToken(keys, refresh, "salt"), isRefreshTokenGenuine],
  [await writeAccessToken(keys, access, "salt", tag), isAccessTokenGenuine],
])("every single changed bit makes a token wrong", async (token, isGenuine) => {
  const bytes = fromBase64url(token) ?? new Uint8Array();
  expect(await isGenuine(keys, base64url(bytes), "salt")).toBe(true);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = bytes.slice();
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(await isGenuine(keys, base64url(changed), "salt")).toBe(false);
  }
});

test("what an issuer hands out ends in its tag; what is too short, too long or cut off claims none", async () => {
  expect(tagOf(await writeAccessToken(keys, access, "s", tag))).toBe(tag);
  expect(tagOf(randomTagged(3 as Shard, tag))).toBe(tag);
  expect(await issuerTag("https://other.example")).not.toBe(tag);
  for (const text of ["", tag, "A".repeat(59), "A".repeat(1028)]) expect(tagOf(text)).toBeUndefined();
});

test("a token of the form before issuers had tags is none", async () => {
  const token = await writeAccessToken(keys, access, "s", tag);
  expect(parseAccessToken(token.slice(0, 56))).toBeUndefined();
  expect(await isAccessTokenGenuine(keys, token.slice(0, 56), "s")).toBe(false);
});

test.each(["", "a", "Bearer x", "A".repeat(55), "A".repeat(57), "=".repeat(60), `${"A".repeat(55)}\n`])(
  "%j is no token",
  (text) => {
    expect(parseAccessToken(text)).toBeUndefined();
    expect(parseRefreshToken(text)).toBeUndefined();
  },
);

test("parts cannot be moved over their borders", () => {
  expect(lengthPrefixed(["ab", "c"])).not.toEqual(lengthPrefixed(["a", "bc"]));
  expect(lengthPrefixed(["a", ""])).not.toEqual(lengthPrefixed(["a"]));
});

test("base64url is RFC 4648's for every length, and nothing else reads back", () => {
  for (let length = 0; length < 200; length++) {
    const bytes = crypto.getRandomValues(new Uint8Array(length));
    const text = base64url(bytes);
    expect(text).toBe(Buffer.from(bytes).toString("base64url"));
    expect(fromBase64url(text)).toEqual(bytes);
  }
  // Alien characters, a length that no bytes have, padding, and bits that no byte takes.
  for (const text of ["+", "/AAA", "AA==", "AAAé", "AAA\n", "A A", "A", "AAAAA", "AB", "AAB"]) {
    expect(fromBase64url(text)).toBeUndefined();
  }
});

test("text beyond ASCII counts in bytes", () => {
  const bytes = [0, 0, 0, 3, 0x61, 0xc3, 0xa9, 0, 0, 0, 4, 0xf0, 0x9f, 0x94, 0x91];
  expect([...lengthPrefixed(["aé", "🔑"])]).toEqual(bytes);
});
