import { renderSVG, renderUnicodeCompact } from "uqr";
import type { DeviceIdentity } from "../sdk/device-identity.ts";

/** The parts of an identity that are printed on the device. */
export type LabelText = Pick<DeviceIdentity, "name" | "userRegistrationUri" | "userCode">;

/**
 * The label as SVG: the QR code of the registration address, and the code in words for people without a camera.
 * The code is secret until somebody owns the device; it is printed on the device and nowhere else.
 */
export function labelSvg({ name, userRegistrationUri, userCode }: LabelText): string {
  const size = 300;
  const qr = renderSVG(userRegistrationUri, { ecc: "M", border: 2 }).replace(
    /^<svg /,
    `<svg x="10" y="10" width="${size}" height="${size}" `,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 372" width="80mm" height="93mm" role="img">`,
    `<title>Registration label of ${escapeXml(name)}</title>`,
    `<rect width="320" height="372" rx="12" fill="#fff" stroke="#000"/>`,
    qr,
    `<g fill="#000" text-anchor="middle" font-family="monospace">`,
    `<text x="160" y="330" font-size="13">${groups(userCode).slice(0, 20).trim()}</text>`,
    `<text x="160" y="346" font-size="13">${groups(userCode).slice(20).trim()}</text>`,
    `<text x="160" y="364" font-size="11">${escapeXml(name)}</text>`,
    `</g></svg>\n`,
  ].join("\n");
}

/** The label for a terminal: a QR code of half blocks, the address, and the code in groups of four. */
export function labelText({ name, userRegistrationUri, userCode }: LabelText): string {
  // Inverted, so that dark modules are dark on a dark terminal as well; scanners read both ways round.
  const qr = renderUnicodeCompact(userRegistrationUri, { ecc: "L", border: 2 });
  return `${qr}\n  ${name}\n  ${userRegistrationUri}\n  Code: ${groups(userCode)}`;
}

function groups(code: string): string {
  return code.match(/.{1,4}/g)?.join(" ") ?? code;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
