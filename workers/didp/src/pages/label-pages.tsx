/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import { raw } from "hono/html";
import type { FC } from "hono/jsx";
import { type Label, labelSheets, type Paper, papers } from "../../../../engines/labels/label-sheet.ts";
import { Notice, Page } from "../../../http/page.tsx";

/** Labels to print; what is not a label stays on the screen. */
export const LabelsPage: FC<{
  /** Of the run that the labels belong to. */
  readonly path: string;
  readonly paper: Paper;
  readonly part: number;
  readonly parts: number;
  readonly firstSheet: number;
  readonly labels: readonly Label[];
}> = ({ path, paper, part, parts, firstSheet, labels }) => {
  const hrefOf = (toPaper: Paper, toPart: number) => `${path}/labels?paper=${toPaper}&part=${toPart}`;
  return (
    <Page
      title={parts === 1 ? "Labels" : `Labels, part ${part} of ${parts}`}
      links={[{ href: path, text: "Back" }]}
      styles={[`/labels/${paper}.css`]}
    >
      <div class="on-screen">
        <Notice kind="care">
          <p>
            Print this page at 100 %, without scaling; nothing but the labels comes out. Whoever reads a label
            can claim its device.
          </p>
        </Notice>
        <nav aria-label="Paper and parts">
          <ul class="plain">
            {Object.entries(papers).map(([id, { name }]) => (
              <li>
                <a
                  href={hrefOf(id as Paper, 1)} // the keys of `papers` are its type
                  {...(id === paper ? { "aria-current": "true" } : {})}
                >
                  On {name}
                </a>
              </li>
            ))}
            {part > 1 ? (
              <li>
                <a href={hrefOf(paper, part - 1)}>Part {part - 1}</a>
              </li>
            ) : null}
            {part < parts ? (
              <li>
                <a href={hrefOf(paper, part + 1)}>Part {part + 1}</a>
              </li>
            ) : null}
          </ul>
        </nav>
      </div>
      {raw(labelSheets(labels, paper, firstSheet))}
    </Page>
  );
};
