import { inflateRawSync } from "node:zlib";
import { signSamlPost } from "@node-saml/node-saml/lib/saml-post-signing.js";

/** What a test's own identity provider says; each field can be made wrong. */
export interface Facts {
  readonly destination: string;
  readonly issuer: string;
  readonly inResponseTo: string;
  readonly audience: string;
  readonly recipient: string;
  readonly nameId: string;
  readonly nameIdFormat: string;
  /** Further attributes of NameID. */
  readonly nameIdAttributes: string;
  readonly notBefore: Date;
  readonly notOnOrAfter: Date;
  /** When the person logged in there; now if left out. */
  readonly authnInstant?: Date;
  readonly method: string;
  readonly status: string;
}

const [PROTOCOL, ASSERTION] = [
  "urn:oasis:names:tc:SAML:2.0:protocol",
  "urn:oasis:names:tc:SAML:2.0:assertion",
];
export const PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";

/** An unsigned response with one assertion, ids `response-1` and `assertion-1`. */
export function craft(facts: Facts): string {
  const now = new Date().toISOString();
  return `<samlp:Response xmlns:samlp="${PROTOCOL}" ID="response-1" Version="2.0" IssueInstant="${now}" Destination="${facts.destination}" InResponseTo="${facts.inResponseTo}"><saml:Issuer xmlns:saml="${ASSERTION}">${facts.issuer}</saml:Issuer><samlp:Status><samlp:StatusCode Value="${facts.status}"/></samlp:Status>${craftAssertion(facts)}</samlp:Response>`;
}

export function craftAssertion(facts: Facts, id = "assertion-1"): string {
  const end = facts.notOnOrAfter.toISOString();
  return `<saml:Assertion xmlns:saml="${ASSERTION}" ID="${id}" Version="2.0" IssueInstant="${new Date().toISOString()}"><saml:Issuer>${facts.issuer}</saml:Issuer><saml:Subject><saml:NameID Format="${facts.nameIdFormat}"${facts.nameIdAttributes}>${facts.nameId}</saml:NameID><saml:SubjectConfirmation Method="${facts.method}"><saml:SubjectConfirmationData Recipient="${facts.recipient}" InResponseTo="${facts.inResponseTo}" NotOnOrAfter="${end}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="${facts.notBefore.toISOString()}" NotOnOrAfter="${end}"><saml:AudienceRestriction><saml:Audience>${facts.audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="${(facts.authnInstant ?? new Date()).toISOString()}"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement></saml:Assertion>`;
}

export type Algorithm = "sha1" | "sha256";

/** Signs the assertion, then the response around it, as an identity provider does. */
export function sign(
  xml: string,
  privateKey: string,
  parts: readonly ("Assertion" | "Response")[] = ["Assertion", "Response"],
  algorithm: Algorithm = "sha256",
): string {
  let signed = xml;
  for (const part of parts) {
    const root = '/*[local-name(.)="Response"]';
    const xpath = part === "Response" ? root : `${root}/*[local-name(.)="Assertion"]`;
    signed = signSamlPost(signed, xpath, {
      privateKey,
      signatureAlgorithm: algorithm,
      digestAlgorithm: algorithm,
    });
  }
  return signed;
}

/** The id of the request in the URL that sends a browser to its identity provider. */
export function requestIdIn(url: string): string {
  const request = new URL(url).searchParams.get("SAMLRequest") ?? "";
  const xml = inflateRawSync(Buffer.from(request, "base64")).toString();
  return /\bID="([^"]+)"/.exec(xml)?.[1] ?? "";
}
