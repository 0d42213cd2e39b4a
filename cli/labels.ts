import { renderUnicodeCompact } from "uqr";
import {
  escapeMarkup,
  groupsOf,
  type Label,
  labelSheets,
  labelStyle,
  type Paper,
  papers,
} from "../engines/labels/label-sheet.ts";
import { qrCode } from "../engines/labels/qr-code.ts";
import type { DeviceIdentity } from "../sdk/device-identity.ts";

/** The parts of an identity that are printed on the device. */
export type LabelText = Pick<DeviceIdentity, "name" | "userRegistrationUri" | "userCode">;

/**
 * The label as SVG: the QR code of the registration address, and the code in words for people without a camera.
 * The code is secret until somebody owns the device; it is printed on the device and nowhere else.
 */
export function labelSvg({ name, userRegistrationUri, userCode }: LabelText): string {
  const { size, path } = qrCode(userRegistrationUri);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 372" width="80mm" height="93mm" role="img">`,
    `<title>Registration label of ${escapeMarkup(name)}</title>`,
    `<rect width="320" height="372" rx="12" fill="#fff" stroke="#000"/>`,
    `<svg x="10" y="10" width="300" height="300" viewBox="0 0 ${size} ${size}"><path d="${path}"/></svg>`,
    `<g fill="#000" text-anchor="middle" font-family="monospace">`,
    `<text x="160" y="330" font-size="13">${groupsOf(userCode).slice(0, 20).trim()}</text>`,
    `<text x="160" y="346" font-size="13">${groupsOf(userCode).slice(20).trim()}</text>`,
    `<text x="160" y="364" font-size="11">${escapeMarkup(name)}</text>`,
    `</g></svg>\n`,
  ].join("\n");
}

/** The label for a terminal: a QR code of half blocks, the address, and the code in groups of four. */
export function labelText({ name, userRegistrationUri, userCode }: LabelText): string {
  // Inverted, so that dark modules are dark on a dark terminal as well; scanners read both ways round.
  const qr = renderUnicodeCompact(userRegistrationUri, { ecc: "L", border: 2 });
  return `${qr}\n  ${name}\n  ${userRegistrationUri}\n  Code: ${groupsOf(userCode)}`;
}

/** Sheets to print, as one page that needs nothing else. */
export function labelSheetPage(identities: readonly LabelText[], paper: Paper): string {
  const labels = identities.map(
    ({ name, userRegistrationUri, userCode }): Label => ({ name, link: userRegistrationUri, code: userCode }),
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Labels for ${papers[paper].name}</title>
<style>
${labelStyle(paper)}</style>
</head>
<body>
<h1>Labels for ${papers[paper].name}</h1>
<main>
${labelSheets(labels, paper)}
</main>
</body>
</html>
`;
}
