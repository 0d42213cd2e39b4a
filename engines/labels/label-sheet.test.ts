import { encode } from "uqr";
import { expect, test } from "vitest";
import { isPaper, labelSheets, labelStyle } from "./label-sheet.ts";
import { qrCode } from "./qr-code.ts";

const label = (number: number) => ({
  name: `Room sensor <b> "spring" ${number}`,
  link: `https://didp.example/d#ABCDEFGHIJKLMNOPQRSTUVWX${number}`,
  code: "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
});

test("the path draws exactly the dark modules of the code, inside a quiet zone of four", () => {
  const text = "https://didp.example/d#ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const { size, path } = qrCode(text);
  const { data } = encode(text, { ecc: "M", border: 0 });
  const drawn = data.map((row) => row.map(() => false));
  for (const [, x = "", y = "", width = ""] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) {
    for (let at = 0; at < Number(width); at++) {
      const row = drawn[Number(y) - 4];
      if (row !== undefined) row[Number(x) - 4 + at] = true;
    }
  }
  expect(size).toBe(data.length + 8);
  expect(drawn).toEqual(data);
});

test.each([
  ["a4", 43, [21, 21, 1]],
  ["letter", 36, [18, 18]],
] as const)("sheets of %s for %i labels", (paper, count, expected) => {
  const html = labelSheets(
    Array.from({ length: count }, (_, index) => label(index)),
    paper,
    5,
  );
  const sheets = html.split("</section>").slice(0, -1);
  expect(sheets.map((sheet) => sheet.match(/<li /g)?.length)).toEqual(expected);
  expect(sheets[0]).toContain("Sheet 5");
  expect(labelStyle(paper)).toContain(paper === "a4" ? "size: A4 portrait" : "size: letter portrait");
});

test("names are text, codes are in groups of four, and nothing needs an inline style", () => {
  const html = labelSheets([label(1)], "a4");
  expect(html).toContain("Room sensor &lt;b&gt; &quot;spring&quot; 1");
  expect(html).not.toContain("<b>");
  expect(html).toContain("ABCD EFGH IJKL MNOP QRST UVWX YZ");
  expect(html).not.toMatch(/style=|<script/);
});

test("no other paper", () => {
  for (const paper of ["a3", "", "constructor", undefined]) expect(isPaper(paper)).toBe(false);
});
