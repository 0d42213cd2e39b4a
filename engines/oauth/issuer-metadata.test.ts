import { expect, test } from "vitest";
import { isIssuer, metadataUrl, readIssuerMetadata } from "./issuer-metadata.ts";

test.each([
  ["https://didp.example", true],
  ["https://didp.example:8443", true],
  ["https://example.org/didp", true],
  ["http://127.0.0.1:8788", true],
  ["http://didp.example", false],
  ["http://127.0.0.2", false],
  ["https://didp.example/", false],
  ["https://example.org/didp/", false],
  ["https://didp.example?a", false],
  ["https://didp.example#a", false],
  ["https://user@didp.example", false],
  ["https://DIDP.example", false],
  ["https://didp.example:443", false],
  ["didp.example", false],
])("%s as an issuer: %s", (text, expected) => {
  expect(isIssuer(text)).toBe(expected);
});

test("the well-known part stands before the issuer's own path", () => {
  expect(metadataUrl("https://a.example")).toBe("https://a.example/.well-known/oauth-authorization-server");
  expect(metadataUrl("https://a.example/b")).toBe(
    "https://a.example/.well-known/oauth-authorization-server/b",
  );
});

const issuer = "http://127.0.0.1:8788";
const document = {
  issuer,
  introspection_endpoint: `${issuer}/introspect`,
  jwks_uri: "https://keys.example.org/jwks",
  consent_redemption_endpoint: `${issuer}/consent/redeem`,
  consent_conclusion_endpoint: `${issuer}/consent/conclude`,
};

test("endpoints are at the issuer's own origin, or where anybody may be sent", () => {
  expect(readIssuerMetadata(issuer, document)).toMatchObject({ jwksUri: "https://keys.example.org/jwks" });
});

test.each([
  ["of another issuer", { issuer: `${issuer}/` }],
  ["without an endpoint", { introspection_endpoint: undefined }],
  ["with an endpoint inside a network", { introspection_endpoint: "http://127.0.0.1:22/" }],
  ["with an endpoint at a cloud's own address", { jwks_uri: "http://169.254.169.254/latest" }],
  ["with an endpoint without TLS", { jwks_uri: "http://keys.example.org/jwks" }],
  ["with an endpoint that is none", { consent_conclusion_endpoint: "file:///etc/passwd" }],
])("a document %s is refused", (_, changes) => {
  expect(() => readIssuerMetadata(issuer, { ...document, ...changes })).toThrow(RangeError);
});
