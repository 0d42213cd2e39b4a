import { expect, test } from "vitest";
import { closingTable, measureClosing } from "./support/closing-times.ts";

/** How long a connection outlives its authority; printed, not asserted: the machine's load decides it. */
test("after an end of authority nothing is delivered, to publishing, receive-only and idle clients alike", async () => {
  const report = await measureClosing(18_840, 6);
  console.log(`${closingTable(report)}\n\n${report.load}`);
  const ends = report.times.flatMap(({ milliseconds }) => milliseconds);
  expect(ends.length).toBe(3 * (3 * 6 + 7 * 2));
  expect(ends.every(Number.isFinite)).toBe(true); // every connection was closed
  expect(report.times.filter(({ lateMessages }) => lateMessages > 0)).toEqual([]);
});
