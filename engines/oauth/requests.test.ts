import { describe, expect, test } from "vitest";
import { readAuthorizationRequest } from "./authorization-request.ts";
import { readClaimCode, writeClaimCode } from "./claim-code.ts";
import { readClientCredential } from "./client-authentication.ts";
import { readAppMetadata, readDeviceMetadata } from "./client-metadata.ts";
import { deriveDevice, hashClaimCode, seedOfRequest } from "./device-registration.ts";
import { appPermissions, durationMs, longestMs, readIotAccess } from "./iot-access.ts";
import { readParameters } from "./parameters.ts";
import { challengeOf, verifierFits } from "./pkce.ts";
import { isRegistrableRedirectUri, matchesRedirectUri } from "./redirect-uri.ts";
import { inShard, randomInShard, SHARDS, type Shard, shardOf } from "./shard.ts";
import { testKeys } from "./test-keys.ts";

const gateways = ["https://gateway.example"];
const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const right = `response_type=code&client_id=a&code_challenge=${challenge}&code_challenge_method=S256`;
const read = (query: string) =>
  readAuthorizationRequest(readParameters(query), "https://app.example/cb", gateways);

describe("authorization requests", () => {
  test("a right one is read, with reading as the least that is asked", () => {
    expect(read(`${right}&state=x`)).toMatchObject({
      codeChallenge: challenge,
      gateway: "https://gateway.example",
      state: "x",
      access: { actions: ["read"] },
    });
  });

  test.each([
    ["no PKCE", "response_type=code&client_id=a", "invalid_request"],
    ["PKCE plain", right.replace("S256", "plain"), "invalid_request"],
    [
      "PKCE without its method, which would mean plain",
      right.replace("&code_challenge_method=S256", ""),
      "invalid_request",
    ],
    ["a challenge that is no SHA-256", right.replace(challenge, "short"), "invalid_request"],
    ["the implicit flow", right.replace("=code&", "=token&"), "unsupported_response_type"],
    ["a hybrid flow", right.replace("=code&", "=code%20id_token&"), "unsupported_response_type"],
    ["a fragment answer", `${right}&response_mode=fragment`, "invalid_request"],
    ["another gateway", `${right}&resource=https%3A%2F%2Fevil.example`, "invalid_target"],
    ["an unknown scope", `${right}&scope=me%3Aall`, "invalid_scope"],
    ["a request object", `${right}&request=e30.e30.`, "request_not_supported"],
    ["an unknown prompt", `${right}&prompt=create`, "invalid_request"],
    ["a parameter twice", `${right}&state=a&state=b`, "invalid_request"],
    ["the same parameter twice with the same value", `${right}&state=a&state=a`, "invalid_request"],
  ])("%s is refused", (_, query, error) => {
    expect(() => read(query)).toThrowError(expect.objectContaining({ error }));
  });
});

describe("what an app asks for", () => {
  const details = (detail: object) =>
    readIotAccess(JSON.stringify([{ type: "iot_access", ...detail }]), undefined);

  test("details are read in full", () => {
    const asked = {
      type: "iot_access" as const,
      actions: ["read" as const],
      kinds: ["temperature"],
      granularity: "summary" as const,
      summary: { window: "PT15M", functions: ["avg", "max"] },
      duration: "P30D",
      purpose: "A chart",
    };
    expect(details(asked)).toEqual(asked);
    expect(longestMs(asked)).toBe(30 * 24 * 3600_000);
  });

  test.each([
    ["no list", "{}"],
    ["an unknown type", '[{"type":"payment"}]'],
    ["two details", '[{"type":"iot_access","actions":["read"]},{"type":"iot_access","actions":["read"]}]'],
    ["no action", '[{"type":"iot_access","actions":[]}]'],
    ["an unknown action", '[{"type":"iot_access","actions":["own"]}]'],
    ["an action of Object.prototype", '[{"type":"iot_access","actions":["toString"]}]'],
    ["an unknown member", '[{"type":"iot_access","actions":["read"],"devices":["d"]}]'],
    ["a wrong duration", '[{"type":"iot_access","actions":["read"],"duration":"1 month"}]'],
    ["no JSON", "["],
  ])("%s is refused", (_, text) => {
    expect(() => readIotAccess(text, undefined)).toThrowError(
      expect.objectContaining({ error: "invalid_authorization_details" }),
    );
  });

  test("a scope beyond the details is refused", () => {
    const detail = JSON.stringify([{ type: "iot_access", actions: ["read"] }]);
    expect(() => readIotAccess(detail, "view:control")).toThrowError(
      expect.objectContaining({ error: "invalid_scope" }),
    );
  });

  test("a purpose cannot turn the page's text around", () => {
    expect(details({ actions: ["read"], purpose: "a\u202Eb\nc" }).purpose).toBe("a b c");
  });

  test("permissions follow the actions", () => {
    expect(appPermissions(["read"])).toEqual([
      ["grant", ["sub"]],
      ["rules/#", ["sub"]],
      ["devices/#", ["sub"]],
    ]);
    expect(appPermissions(["command"]).flat(2)).not.toContain("devices/#");
  });

  test("durations", () => {
    expect(durationMs("P1W2DT3H4M")).toBe(((9 * 24 + 3) * 60 + 4) * 60_000);
    for (const wrong of ["P", "PT", "P0D", "P1Y", "-P1D", "P1D2W", ""])
      expect(durationMs(wrong)).toBeUndefined();
  });
});

describe("redirect URIs", () => {
  test.each([
    ["https://app.example/cb?x=1", "web", true],
    ["http://127.0.0.1:8790/", "web", true],
    ["http://localhost/cb", "web", true],
    ["com.example.app:/cb", "native", true],
    ["com.example.app:/cb", "web", false],
    ["http://app.example/cb", "web", false],
    ["https://app.example/cb#x", "web", false],
    ["https://user@app.example/cb", "web", false],
    ["https://app.example/a/../cb", "web", false],
    ["javascript:alert(1)", "native", false],
    ["data:text/html,x", "native", false],
    ["https://app.example/ cb", "web", false],
    ["//app.example/cb", "web", false],
  ] as const)("%s for a %s app: %s", (uri, type, expected) => {
    expect(isRegistrableRedirectUri(uri, type)).toBe(expected);
  });

  test.each([
    "https://app.example/cb/",
    "https://app.example/CB",
    "https://app.example/cb?",
    "https://app.example/cb?x=1",
    "https://app.example.evil.example/cb",
    "https://app.example:443/cb",
    "HTTPS://app.example/cb",
    "https://app.example/cb%00",
    "https://app.example/x/../cb",
  ])("%s is not https://app.example/cb", (presented) => {
    expect(matchesRedirectUri(["https://app.example/cb"], presented, "web")).toBe(false);
  });

  test("a native app's loopback port may differ, nothing else", () => {
    const registered = ["http://127.0.0.1/cb"];
    expect(matchesRedirectUri(registered, "http://127.0.0.1:5005/cb", "native")).toBe(true);
    expect(matchesRedirectUri(registered, "http://127.0.0.1:5005/cb", "web")).toBe(false);
    expect(matchesRedirectUri(registered, "http://127.0.0.1:5005/other", "native")).toBe(false);
    expect(matchesRedirectUri(registered, "http://127.0.0.1.evil.example/cb", "native")).toBe(false);
    expect(matchesRedirectUri(registered, "http://127.0.0.1:80@evil.example/cb", "native")).toBe(false);
  });
});

describe("client authentication", () => {
  const basic = (text: string) => `Basic ${btoa(text)}`;

  test("id and secret are form-decoded", () => {
    expect(readClientCredential(basic("d%2D1:a%2Fb+c"), new Map())).toEqual({
      method: "client_secret_basic",
      oauthClientId: "d-1",
      secret: "a/b c",
    });
  });

  test.each([
    ["nothing", undefined, new Map(), "invalid_client"],
    [
      "a secret in the body",
      undefined,
      new Map([
        ["client_id", "a"],
        ["client_secret", "b"],
      ]),
      "invalid_client",
    ],
    ["two different ids", basic("a:b"), new Map([["client_id", "c"]]), "invalid_request"],
    ["header and assertion", basic("a:b"), new Map([["client_assertion", "x.y.z"]]), "invalid_request"],
    ["no colon", basic("ab"), new Map(), "invalid_client"],
    ["broken escapes", basic("a:%zz"), new Map(), "invalid_client"],
    ["another scheme", "Bearer abc", new Map(), "invalid_client"],
  ])("%s is refused", (_, header, parameters, error) => {
    expect(() => readClientCredential(header, parameters)).toThrowError(expect.objectContaining({ error }));
  });
});

describe("registration metadata", () => {
  test.each([
    ["no redirect URI", { redirect_uris: [] }, "invalid_redirect_uri"],
    ["a plain http redirect URI", { redirect_uris: ["http://app.example/"] }, "invalid_redirect_uri"],
    [
      "the implicit grant",
      { redirect_uris: ["https://a.example/"], grant_types: ["implicit"] },
      "invalid_client_metadata",
    ],
    [
      "a secret in the body",
      { redirect_uris: ["https://a.example/"], token_endpoint_auth_method: "client_secret_post" },
      "invalid_client_metadata",
    ],
    [
      "keys by URL",
      {
        redirect_uris: ["https://a.example/"],
        token_endpoint_auth_method: "private_key_jwt",
        jwks_uri: "http://169.254.169.254/",
      },
      "invalid_client_metadata",
    ],
    [
      "a private key",
      {
        redirect_uris: ["https://a.example/"],
        token_endpoint_auth_method: "private_key_jwt",
        jwks: { keys: [{ kty: "EC", crv: "P-256", x: "x", y: "y", d: "d" }] },
      },
      "invalid_client_metadata",
    ],
    [
      "a shared key",
      {
        redirect_uris: ["https://a.example/"],
        token_endpoint_auth_method: "private_key_jwt",
        jwks: { keys: [{ kty: "oct", k: "k" }] },
      },
      "invalid_client_metadata",
    ],
    [
      "a name of 81 characters",
      { redirect_uris: ["https://a.example/"], client_name: "x".repeat(81) },
      "invalid_client_metadata",
    ],
  ])("an app with %s is refused", (_, body, error) => {
    expect(() => readAppMetadata(body)).toThrowError(expect.objectContaining({ error }));
  });

  test("a device without a product or with an unknown claim policy is refused", () => {
    for (const body of [{}, { software_id: "" }, { software_id: "x", claim_policy: "anyone" }]) {
      expect(() => readDeviceMetadata(body)).toThrowError(
        expect.objectContaining({ error: "invalid_client_metadata" }),
      );
    }
  });
});

describe("printed codes", () => {
  test("every code reads back, however it is typed", () => {
    for (let round = 0; round < 200; round++) {
      const code = writeClaimCode(crypto.getRandomValues(new Uint8Array(16)));
      expect(code).toMatch(/^[A-Z2-7]{26}$/);
      expect(readClaimCode(code)).toBe(code);
      expect(readClaimCode(` ${code.toLowerCase().replace(/(.{5})/g, "$1-")} `)).toBe(code);
    }
    expect(readClaimCode(`${"O".repeat(12)}${"I".repeat(13)}A`)).toBe(
      readClaimCode(`${"0".repeat(12)}${"1".repeat(13)}a`),
    );
  });

  test.each(["", "ABC", "A".repeat(27), `${"A".repeat(25)}B`, "ä".repeat(26), "A".repeat(1000)])(
    "%j is none",
    (typed) => {
      expect(readClaimCode(typed)).toBeUndefined();
    },
  );
});

describe("derived registrations", () => {
  const keys = testKeys(1);

  test("the same request gives the same device, another key or index another", async () => {
    const [once, again] = [
      await seedOfRequest(keys, "iat", "key-12345"),
      await seedOfRequest(keys, "iat", "key-12345"),
    ];
    expect(await deriveDevice(keys, once)).toEqual(await deriveDevice(keys, again));
    const others = [
      await seedOfRequest(keys, "iat", "key-12346"),
      await seedOfRequest(keys, "iat2", "key-12345"),
      await seedOfRequest(keys, "iat", "key-12345", 1),
    ];
    const secrets = new Set(
      (await Promise.all(others.map((seed) => deriveDevice(keys, seed)))).map((one) => one.clientSecret),
    );
    expect(secrets.size).toBe(3);
  });

  test("client id and printed code share a shard, and nothing of one is in the other", async () => {
    const device = await deriveDevice(keys, crypto.getRandomValues(new Uint8Array(32)));
    expect(shardOf(device.oauthClientId.slice(2))).toBe((await hashClaimCode(keys, device.claimCode)).shard);
    expect(JSON.stringify({ ...device, clientSecret: "", registrationToken: "" })).not.toContain(
      device.clientSecret,
    );
  });
});

test("shards: a moved id is in its shard, whatever its first byte was", () => {
  for (let first = 0; first < 256; first++) {
    for (const shard of [0, 1, SHARDS - 1]) {
      expect((inShard(Uint8Array.of(first, 9), shard as Shard)[0] ?? 0) % SHARDS).toBe(shard);
    }
  }
  expect(shardOf(randomInShard(7 as Shard, 16))).toBe(7);
  expect(shardOf("")).toBeUndefined();
  expect(shardOf("not base64!")).toBeUndefined();
});

test("PKCE: RFC 7636's own example, and wrong verifiers", async () => {
  const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  expect(await challengeOf(verifier)).toBe(challenge);
  expect(await verifierFits(verifier, challenge)).toBe(true);
  for (const wrong of [undefined, "", challenge, `${verifier}x`, verifier.slice(1)]) {
    expect(await verifierFits(wrong, challenge)).toBe(false);
  }
});
