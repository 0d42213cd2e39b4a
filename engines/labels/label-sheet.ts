import { qrCode } from "./qr-code.ts";

/** What stands on one device's label. */
export interface Label {
  /** In the factory's own words, such as product, batch and number. */
  readonly name: string;
  /** The text of the QR code: the registration link with the code behind `#`. */
  readonly link: string;
  /** The same code for people who type. */
  readonly code: string;
}

/** Paper, and how many labels of 60 × 37 mm fit on it inside margins of 10 mm: three columns. */
export const papers = {
  a4: { name: "A4", size: "A4 portrait", labels: 21 },
  letter: { name: "US Letter", size: "letter portrait", labels: 18 },
} as const;

export type Paper = keyof typeof papers;

export function isPaper(text: string | undefined): text is Paper {
  return text !== undefined && Object.hasOwn(papers, text);
}

/**
 * Sheets of labels as HTML, one section a sheet of paper, to be laid out by `labelStyle`.
 * @param firstSheet number of the first one, where a run is printed in parts
 */
export function labelSheets(labels: readonly Label[], paper: Paper, firstSheet = 1): string {
  const { labels: perSheet } = papers[paper];
  const sheets: string[] = [];
  for (let from = 0; from < labels.length; from += perSheet) {
    const number = firstSheet + from / perSheet;
    const items = labels.slice(from, from + perSheet).map(labelItem);
    sheets.push(
      `<section class="sheet"><h2 class="on-screen">Sheet ${number}</h2><ol class="labels">${items.join("")}</ol></section>`,
    );
  }
  return sheets.join("\n");
}

function labelItem({ name, link, code }: Label): string {
  const { size, path } = qrCode(link);
  return `<li class="label"><svg viewBox="0 0 ${size} ${size}" role="img" aria-label="QR code of ${escapeMarkup(name)}"><path d="${path}"/></svg><div><p class="label-code">${groupsOf(code)}</p><p class="label-name">${escapeMarkup(name)}</p></div></li>`;
}

/** The code in groups of four, as it is printed and read out. */
export function groupsOf(code: string): string {
  return code.match(/.{1,4}/g)?.join(" ") ?? code;
}

/** For text between tags and in quoted attributes of HTML and SVG. */
export function escapeMarkup(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** Lays sheets out on paper; on a screen the labels flow. Black on white in every colour scheme: it is print. */
export function labelStyle(paper: Paper): string {
  return `@page { size: ${papers[paper].size}; margin: 10mm; }
.labels { list-style: none; margin: 0 0 1rem; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, 60mm); gap: 2mm 5mm; }
.label { margin: 0; width: 60mm; height: 37mm; padding: 1mm; display: grid; grid-template-columns: 34mm 23mm;
  align-items: center; overflow: hidden; background: #fff; color: #000; border: 0.2mm dashed #767676; box-sizing: border-box; }
.label svg { width: 34mm; height: 34mm; display: block; fill: #000; }
.label p { margin: 0 0 1.5mm; }
.label-code { font: 600 9pt/1.35 ui-monospace, "SFMono-Regular", Consolas, monospace; }
.label-name { font: 7pt/1.25 system-ui, sans-serif; overflow-wrap: anywhere; }
@media print {
  .bar, .skip, footer, h1, .on-screen { display: none; }
  body { display: block; min-height: 0; margin: 0; background: #fff; }
  main { max-width: none; margin: 0; padding: 0; }
  .labels { grid-template-columns: repeat(3, 60mm); margin: 0; }
  .sheet { break-after: page; }
  .sheet:last-child { break-after: auto; }
  .label { break-inside: avoid; }
}
`;
}
