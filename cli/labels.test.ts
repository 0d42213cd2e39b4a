import { expect, test } from "vitest";
import { qrCode } from "../engines/labels/qr-code.ts";
import { labelSheetPage, labelSvg, labelText } from "./labels.ts";

const label = {
  name: "S1 <kitchen>",
  userRegistrationUri: "http://127.0.0.1:8788/d#ABCDEFGHIJKLMNOPQRSTUVWXYZ",
  userCode: "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
};

test("the SVG label holds the QR code of the registration address, the code and the name", () => {
  const svg = labelSvg(label);
  expect(svg).toContain(`<path d="${qrCode(label.userRegistrationUri).path}"/>`);
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

test("a sheet is one page by itself, for its paper, with a label for each device", () => {
  const page = labelSheetPage([label, { ...label, name: "S2" }], "letter");
  expect(page).toContain("size: letter portrait");
  expect(page.match(/<li class="label">/g)).toHaveLength(2);
  expect(page).toContain("S1 &lt;kitchen&gt;");
  expect(page).not.toMatch(/https?:\/\/(?!127)|<script|<link/);
});
