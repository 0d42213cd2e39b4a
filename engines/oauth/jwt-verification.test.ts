import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { checkClientAssertion, checkDpopProof } from "./jwt-verification.ts";

const NOW = 1_800_000_000_000;
const SECONDS = NOW / 1000;
const URL_ = "https://didp.example/token";
const pair = await generateKeyPair("ES256", { extractable: true });
const other = await generateKeyPair("ES256", { extractable: true });
const jwk = await exportJWK(pair.publicKey);
const privateJwk = await exportJWK(pair.privateKey);

const dpop = (changes: { header?: object; claims?: object; key?: CryptoKey } = {}) =>
  new SignJWT({ jti: "1", htm: "POST", htu: URL_, iat: SECONDS, ...changes.claims })
    .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk, ...changes.header })
    .sign(changes.key ?? pair.privateKey);

describe("a DPoP proof", () => {
  test("is accepted, and the query of the URL does not count", async () => {
    expect(await checkDpopProof(await dpop(), "POST", `${URL_}?x=1`, NOW)).toEqual({
      id: "1",
      thumbprint: expect.stringMatching(/^[\w-]{43}$/),
    });
  });

  test.each([
    ["for another method", { claims: { htm: "GET" } }],
    ["for another endpoint", { claims: { htu: "https://didp.example/revoke" } }],
    ["for another host", { claims: { htu: "https://evil.example/token" } }],
    ["of an hour ago", { claims: { iat: SECONDS - 3600 } }],
    ["of the future", { claims: { iat: SECONDS + 3600 } }],
    ["without an id", { claims: { jti: undefined } }],
    ["signed by another key than it shows", { key: other.privateKey }],
    ["of another type", { header: { typ: "JWT" } }],
    ["that shows its private key", { header: { jwk: privateJwk } }],
    ["that shows no key", { header: { jwk: undefined } }],
  ])("%s is refused", async (_, changes) => {
    expect(await checkDpopProof(await dpop(changes), "POST", URL_, NOW)).toBeUndefined();
  });

  test("unsigned, or under a shared key, is refused", async () => {
    const [, payload] = (await dpop()).split(".");
    const none = btoa(JSON.stringify({ alg: "none", typ: "dpop+jwt", jwk })).replaceAll("=", "");
    expect(await checkDpopProof(`${none}.${payload}.`, "POST", URL_, NOW)).toBeUndefined();
    const shared = await new SignJWT({ jti: "1", htm: "POST", htu: URL_, iat: SECONDS })
      .setProtectedHeader({ alg: "HS256", typ: "dpop+jwt", jwk: { kty: "oct", ...{ k: "AAAA" } } })
      .sign(new Uint8Array(32));
    expect(await checkDpopProof(shared, "POST", URL_, NOW)).toBeUndefined();
    for (const text of ["", "a.b.c", "x".repeat(5000)]) {
      expect(await checkDpopProof(text, "POST", URL_, NOW)).toBeUndefined();
    }
  });
});

describe("a client assertion", () => {
  const keys = { keys: [{ kty: "OKP", crv: "Ed25519", x: "AAAA" }, { ...jwk }] };
  const assertion = (claims: object = {}, key = pair.privateKey) =>
    new SignJWT({ iss: "c", sub: "c", aud: "https://didp.example", jti: "1", exp: SECONDS + 60, ...claims })
      .setProtectedHeader({ alg: "ES256" })
      .sign(key);
  const check = async (jwt: string) =>
    checkClientAssertion(jwt, "c", keys, ["https://didp.example", URL_], NOW);

  test("is accepted by any of the client's keys, for the issuer or the endpoint", async () => {
    expect(await check(await assertion())).toBe("1");
    expect(await check(await assertion({ aud: URL_ }))).toBe("1");
  });

  test.each([
    ["for another server", { aud: "https://evil.example" }],
    ["of another client", { iss: "d" }],
    ["about another client", { sub: "d" }],
    ["that has ended", { exp: SECONDS - 60 }],
    ["that lives for a day", { exp: SECONDS + 86_400 }],
    ["that never ends", { exp: undefined }],
    ["without an id", { jti: undefined }],
  ])("%s is refused", async (_, claims) => {
    expect(await check(await assertion(claims))).toBeUndefined();
  });

  test("signed by somebody else is refused", async () => {
    expect(await check(await assertion({}, (await generateKeyPair("ES256")).privateKey))).toBeUndefined();
  });
});
