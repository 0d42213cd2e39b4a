import { encode } from "uqr";
import { expect, test } from "vitest";
import { labelSvg, labelText } from "./labels.ts";

const label = {
  name: "S1 <kitchen>",
  userRegistrationUri: "http://127.0.0.1:8788/d#ABCDEFGHIJKLMNOPQRSTUVWXYZ",
  userCode: "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
};

test("the SVG label holds the QR code of the registration address, the code and the name", () => {
  const svg = labelSvg(label);
  const { size } = encode(label.userRegistrationUri, { ecc: "M", border: 2 });
  expect(svg).toContain(`viewBox="0 0 ${size * 10} ${size * 10}"`);
  expect(svg).toContain("ABCD EFGH IJKL MNOP");
  expect(svg).toContain("QRST UVWX YZ");
  expect(svg).toContain("S1 &lt;kitchen&gt;");
  expect(svg).not.toContain("<kitchen>");
});

test("the terminal label has the address, and the code in groups of four", () => {
  const text = labelText(label);
  expect(text).toContain(label.userRegistrationUri);
  expect(text).toContain("ABCD EFGH IJKL MNOP QRST UVWX YZ");
  expect(text).toMatch(/[▀▄█]{20}/);
});
