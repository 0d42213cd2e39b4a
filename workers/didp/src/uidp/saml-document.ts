import { CodedError } from "../../../../engines/errors/coded-error.ts";

/** What may sign and digest: nothing with SHA-1 or MD5, no keyed hash, no transform but the enveloped signature. */
const ALGORITHMS = new Set([
  "http://www.w3.org/2001/10/xml-exc-c14n#",
  "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
  "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
  "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
  "http://www.w3.org/2001/04/xmlenc#sha256",
  "http://www.w3.org/2001/04/xmlenc#sha512",
]);

/**
 * Looks at a SAML response before any XML parser does. A parser meets plain elements only: no DOCTYPE, so no
 * entity; no comment, so nothing that canonicalisation drops and a reader stumbles over; no CDATA; no processing
 * instruction beyond the declaration; UTF-8 and nothing else.
 *
 * @param base64 the field `SAMLResponse`
 * @throws CodedError `FORBIDDEN`
 */
export function checkSamlDocument(base64: string, destination: string): void {
  const xml = decode(base64);
  // In well-formed XML "<" stands for itself nowhere, so "<!" opens a DOCTYPE, a comment or CDATA, and "<?" an
  // instruction.
  if (xml === undefined || !xml.startsWith("<") || xml.includes("<!") || xml.lastIndexOf("<?") > 0)
    throw refused();
  if (/^<\?xml[^>]*encoding\s*=/i.test(xml) && !/^<\?xml[^>]*encoding\s*=\s*["']utf-8["']/i.test(xml))
    throw refused();
  for (const [, , algorithm] of xml.matchAll(/\bAlgorithm\s*=\s*(["'])(.*?)\1/g)) {
    if (!ALGORITHMS.has(algorithm ?? "")) throw refused();
  }
  // SAML bindings §3.5.5.2: a signed message names where it goes. The signature of the root is checked later.
  const root = /^(?:<\?xml[^>]*\?>)?\s*<(?:[\w.-]+:)?Response\s([^<>]*)>/.exec(xml)?.[1] ?? "";
  const named = /(?:^|\s)Destination\s*=\s*(["'])(.*?)\1/.exec(root)?.[2];
  if (named !== destination) throw refused();
}

function decode(base64: string): string | undefined {
  try {
    const bytes = Uint8Array.from(atob(base64.replace(/\s/g, "")), (character) => character.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function refused(): CodedError {
  return new CodedError("FORBIDDEN", "The login's answer is not one that can be accepted.");
}
