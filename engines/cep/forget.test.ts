import { expect, test } from "vitest";
import { CepApp } from "./app.ts";

/** What `forget` drops, and what it leaves alone. */
const text = `
  define stream S (who string, v long);
  define table T (who string, v long);
  from S select who, v insert into T;
  partition with (who of S)
  begin
    from S#window.length(3) select who, sum(v) as total insert into Sums;
  end;
  from S select count() as n insert into Counted;
`;

test("a forgotten key's partition and table rows are gone, also after a restore; others and totals stay", () => {
  const clock = { now: () => 0 };
  let app = new CepApp(text, { clock });
  app.start();
  app.send("S", ["ann", 1]);
  app.send("S", ["bob", 10]);
  const before = app.metrics().rows;
  app.forget(new Set(["ann"]));
  expect(before - app.metrics().rows).toBe(2); // one in the window, one in the table
  expect(app.snapshot()).not.toContain('"ann"');
  const saved = app.snapshot();
  app = new CepApp(text, { clock });
  app.restore(saved);
  const sums: unknown[] = [];
  const counts: unknown[] = [];
  app.onStream("Sums", (events) => sums.push(...events.map(({ row }) => row)));
  app.onStream("Counted", (events) => counts.push(...events.map(({ row }) => row)));
  app.send("S", ["ann", 2]);
  app.send("S", ["bob", 20]);
  expect(sums).toEqual([
    ["ann", 2],
    ["bob", 30],
  ]);
  expect(counts).toEqual([[3], [4]]);
});
