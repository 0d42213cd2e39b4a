/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import { Hono } from "hono";
import { deriveBatch } from "../../../../durable-objects/registry/device-batches.ts";
import { CodedError } from "../../../../engines/errors/coded-error.ts";
import { isPaper, labelStyle, papers } from "../../../../engines/labels/label-sheet.ts";
import type { DidpApp } from "../didp-app.ts";
import { LabelsPage } from "../pages/label-pages.tsx";
import { Products } from "../products.ts";
import { claimLink } from "../registration-answers.ts";
import { finishedOrder } from "./manufacturers.tsx";

/** Sheets of labels for a run of devices, to be printed from the browser (EXPERIENCE.md §2, `/mfr/factory`). */
export const labels = new Hono<DidpApp>();

/** One answer holds so many sheets; a code costs about a millisecond to draw. */
const SHEETS_AT_ONCE = 10;

labels.get("/labels/:file{(a4|letter)\\.css}", (c) => {
  const paper = c.req.param("file").slice(0, -".css".length);
  if (!isPaper(paper)) throw new CodedError("NOT_FOUND", "There is no such paper.");
  return c.body(labelStyle(paper), 200, {
    "content-type": "text/css; charset=utf-8",
    "cache-control": "public, max-age=3600",
  });
});

labels.get("/mfr/:tenant/runs/:id/labels", async (c) => {
  const { tenant, order } = await finishedOrder(c);
  const paper = c.req.query("paper") ?? "a4";
  if (!isPaper(paper)) throw new CodedError("BAD_REQUEST", "paper: a4 or letter.");
  const inPart = papers[paper].labels * SHEETS_AT_ONCE;
  const parts = Math.ceil(order.count / inPart);
  const part = Number(c.req.query("part") ?? 1);
  if (!Number.isInteger(part) || part < 1 || part > parts) {
    throw new CodedError("BAD_REQUEST", `part: 1 to ${parts}.`);
  }
  const from = (part - 1) * inPart;
  const [devices, product] = await Promise.all([
    deriveBatch(c.var.config.keys, order, from, Math.min(inPart, order.count - from)),
    new Products(c.env.DB).find(order.metadata.softwareId),
  ]);
  const title = product?.title ?? order.metadata.softwareId;
  return c.html(
    <LabelsPage
      path={`/mfr/${encodeURIComponent(tenant.id)}/runs/${c.req.param("id")}`}
      paper={paper}
      part={part}
      parts={parts}
      firstSheet={(part - 1) * SHEETS_AT_ONCE + 1}
      labels={devices.map(({ claimCode }, index) => ({
        name: `${title}, ${order.batch ?? ""} ${from + index + 1}`,
        link: claimLink(c.var.config, claimCode),
        code: claimCode,
      }))}
    />,
  );
});
