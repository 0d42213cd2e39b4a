import { describe, expect, test } from "vitest";
import { checkSamlDocument } from "./saml-document.ts";

const ACS = "https://didp.example/saml/acs";
const check = (xml: string | Uint8Array<ArrayBuffer>) =>
  checkSamlDocument(Buffer.from(xml as string).toString("base64"), ACS); // Buffer.from takes either
const response = (inner = "", attributes = `Destination="${ACS}"`) =>
  `<p:Response xmlns:p="urn:x" ${attributes} ID="r">${inner}</p:Response>`;

test("plain elements for this address pass, with or without a declaration, in any quotes", () => {
  check(response());
  check(`<?xml version="1.0"?>\n${response()}`);
  check(`<?xml version="1.0" encoding="utf-8"?>${response()}`);
  check(response("", `Destination='${ACS}'`));
  check(response('<m Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>'));
  check(response("é 漢 &lt;!-- &amp; --&gt;"));
});

describe("refused", () => {
  test.each<[string, string | Uint8Array<ArrayBuffer>]>([
    ["a DOCTYPE", `<!DOCTYPE x>${response()}`],
    ["a DOCTYPE in small letters", `<!doctype x>${response()}`],
    ["a comment", response("<!-- -->")],
    ["CDATA", response("<![CDATA[x]]>")],
    ["a processing instruction", response("<?x?>")],
    ["a second declaration", `<?xml version="1.0"?><?xml version="1.0"?>${response()}`],
    ["another encoding", `<?xml version="1.0" encoding="UTF-16"?>${response()}`],
    ["a byte order mark", `\ufeff${response()}`],
    ["bytes of no UTF-8", new Uint8Array([0x3c, 0xff, 0x3e])],
    ["an overlong <", new Uint8Array([0xc0, 0xbc, 0x21])],
    ["another destination", response("", 'Destination="https://other.example/"')],
    ["a destination that ours begins", response("", `Destination="${ACS}/x"`)],
    ["no destination", response("", "")],
    ["a destination under another name", response("", `x-Destination="${ACS}"`)],
    [
      "a destination further inside",
      `<p:Response xmlns:p="urn:x"><p:Response Destination="${ACS}"/></p:Response>`,
    ],
    ["another root", `<p:Other Destination="${ACS}"/>`],
    ["RSA with SHA-1", response('<m Algorithm="http://www.w3.org/2000/09/xmldsig#rsa-sha1"/>')],
    ["HMAC", response('<m Algorithm="http://www.w3.org/2000/09/xmldsig#hmac-sha1"/>')],
    ["XPath", response('<m Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"/>')],
    ["XSLT in single quotes", response("<m Algorithm = 'http://www.w3.org/TR/1999/REC-xslt-19991116'/>")],
    ["nothing", ""],
  ])("%s", (_, xml) => {
    expect(() => check(xml)).toThrow("not one that can be accepted");
  });

  test("what is no base64", () => {
    expect(() => checkSamlDocument("<>", ACS)).toThrow("not one that can be accepted");
  });
});
