import { expect, test } from "vitest";
import { below, seeded } from "../testing/random.ts";
import { Bench } from "./testing.ts";

const DEFINITIONS = `
define stream A (k string, v int, d double, t long);
define stream B (k string, v int, d double, t long);
@primaryKey('k') @index('v') define table Keyed (k string, v int, d double);
define table Plain (k string, v int);
define window Named (k string, v int) length(3) output all events;
define trigger Tick at every 700 milliseconds;
define aggregation Sums from A select k, sum(v) as total, avg(d) as mean, count() as n group by k aggregate every sec ... min;
`;

/** Queries that between them use every stateful operator; each writes to a stream of its own. */
const QUERIES = [
  "from A#window.length(3) select k, sum(v) as x, avg(d) as y, min(v) as lo, max(v) as hi group by k insert all events into $;",
  "from A#window.lengthBatch(4) select k, count() as x, stdDev(d) as y group by k insert all events into $;",
  "from A#window.time(900 milliseconds) select distinctCount(k) as x, sum(d) as y insert all events into $;",
  "from A#window.timeBatch(1 sec) select k, sum(v) as x group by k insert all events into $;",
  "from A#window.timeLength(1 sec, 2) select k, v insert all events into $;",
  "from A#window.externalTime(t, 3 sec) select k, count() as x insert all events into $;",
  "from A#window.externalTimeBatch(t, 2 sec, 0, 1 sec) select k, count() as x insert all events into $;",
  "from A#window.session(800 milliseconds, k) select k, sum(v) as x insert all events into $;",
  "from A#window.sort(3, v, 'desc') select k, v insert all events into $;",
  "from A#window.frequent(2, k) select k, v insert all events into $;",
  "from A#window.lossyFrequent(0.3, 0.1, k) select k, v insert all events into $;",
  "from A#window.cron('*/2 * * * * ?') select k, v insert all events into $;",
  "from A#window.delay(600 milliseconds) select k, v insert into $;",
  "from A#window.expression('count() <= 3 and sum(v) < 20') select k, v insert all events into $;",
  "from A#window.expressionBatch('count() <= 2') select k, v insert all events into $;",
  "from A#window.hopping(2 sec, 1 sec) select sum(v) as x insert into $;",
  "from A#window.batch() select k, minForever(v) as lo, maxForever(v) as hi insert into $;",
  "from A select k, and(v > 2) as x, or(v > 8) as y, sum(v) as z group by k insert into $;",
  "from A select unionSet(createSet(k)) as s insert into #S$; from A select sum(v) as x having x > 20 order by x limit 2 insert into $;",
  "from A#window.length(2) as a join B#window.time(1 sec) as b on a.k == b.k select a.v as x, b.v as y insert all events into $;",
  "from A#window.length(2) as a full outer join B#window.length(2) as b on a.v == b.v select a.k as x, b.k as y insert into $;",
  "from A unidirectional join Named as n on A.k == n.k select A.v as x, n.v as y insert into $; from B select k, v insert into Named;",
  "from Named select k, sum(v) as x insert all events into $; from A select k, v insert into Named;",
  "from every e1=A -> e2=B[v > e1.v] within 2 sec select e1.v as x, e2.v as y insert into $;",
  "from every e1=A<2:3> -> e2=B select e1[0].v as x, e1[last].v as y, e2.v as z insert into $;",
  "from every (e1=A and e2=B) -> e3=A select e1.v as x, e2.v as y, e3.v as z insert into $;",
  "from every (e1=A[v > 5] or e2=B[v > 5]) -> e3=B select e1.v as x, e2.v as y, e3.v as z insert into $;",
  "from every e1=A -> not B for 700 milliseconds select e1.v as x insert into $;",
  "from every not A for 500 milliseconds -> e2=B select e2.v as x insert into $;",
  "from every e1=A -> not B[v < 3] and e2=A[v > 6] select e1.v as x, e2.v as y insert into $;",
  "from every e1=A, e2=A[v > e1.v]+, e3=B select e1.v as x, e2[last].v as y, e3.v as z insert into $;",
  "from every e1=A, e2=B?, e3=A[v > 3] select e1.v as x, e2.v as y, e3.v as z insert into $;",
  "from A select k, v, d update or insert into Keyed set Keyed.v = v, Keyed.d = d on Keyed.k == k; from B join Keyed as t on B.k == t.k select t.k as x, t.v as y insert into $;",
  "from A select k, v insert into Plain; from B[(Plain.k == k) in Plain] select k, v insert into $; from B[v > 7] delete Plain on Plain.k == k;",
  "from A select k, v update Plain set Plain.v = v on Plain.k == k; from B join Plain as p on p.v > B.v select p.v as x, B.v as y insert into $;",
  "from A select k, v output last every 3 events insert into $;",
  "from A select k, v group by k output first every 1 sec insert into $;",
  "from A select k, v output all every 900 milliseconds insert into $;",
  "from A#window.length(3) select k, sum(v) as x group by k output snapshot every 1 sec insert all events into $;",
  "partition with (k of A, k of B) begin from every e1=A -> e2=B select e1.v as x, e2.v as y insert into $; from A#window.length(2) select k, sum(v) as x insert into #I$; from #I$ select k, max(x) as x insert into P$; end;",
  "@purge(enable='true', interval='1 sec', idle.period='1 sec') partition with (v < 5 as 'low' or v >= 5 as 'high' of A) begin from A#window.timeBatch(1 sec) select count() as x insert into $; end;",
  "from Tick select triggered_time as x insert into $;",
  "from B join Sums as s on s.k == B.k within 0L, 4000000000000L per 'seconds' select s.k as x, s.total as y, s.mean as z, s.n as w insert into $;",
];

interface Step {
  readonly stream: string | undefined;
  readonly row: readonly unknown[];
  readonly ms: number;
}

function stepsOf(random: () => number): Step[] {
  return Array.from({ length: 40 }, (_, i) => {
    const at = below(random, 10);
    const row = [
      ["x", "y", "z"][below(random, 3)],
      below(random, 10) + (i >> 3),
      below(random, 40) / 4,
      i * 700 + below(random, 600),
    ];
    return {
      stream: at < 5 ? "A" : at < 9 ? "B" : undefined,
      row,
      ms: random() < 0.5 ? 0 : below(random, 900),
    };
  });
}

function runApp(
  text: string,
  queries: readonly string[],
  streams: readonly string[],
  steps: readonly Step[],
  evicts: boolean,
) {
  const bench = new Bench(text)
    .watch(...streams)
    .watchQuery(...queries)
    .start();
  for (const { stream, row, ms } of steps) {
    bench.advance(ms);
    if (stream !== undefined) bench.send(stream, [...row]);
    if (evicts) bench.evict();
  }
  bench.advance(3000);
  return {
    rows: bench.rows,
    current: bench.current,
    expired: bench.expired,
    errors: bench.errors.map(String),
    held: bench.app.metrics().rows,
    sums: bench.app.query(
      "from Sums within 0L, 4000000000000L per 'seconds' select k, total, n order by k, total",
    ).rows,
  };
}

function named(templates: readonly string[]): { text: string; queries: string[]; streams: string[] } {
  const queries: string[] = [];
  const parts = templates.map((t, i) => {
    let text = t.replaceAll("$", `Out${i}`).replaceAll(`#SOut${i}`, `SOut${i}`);
    text = text.replace(/(^|; |begin )from /g, (_, before: string) => {
      const name = `q${queries.length}`;
      queries.push(name);
      return `${before}@info(name='${name}') from `;
    });
    return text;
  });
  return { text: DEFINITIONS + parts.join("\n"), queries, streams: templates.map((_, i) => `Out${i}`) };
}

for (const [i, template] of QUERIES.entries()) {
  test(`a snapshot after every event changes nothing: ${template.slice(0, 70)} (seed ${i})`, () => {
    const { text, queries, streams } = named([template]);
    const steps = stepsOf(seeded(100 + i));
    expect(runApp(text, queries, streams, steps, true)).toEqual(runApp(text, queries, streams, steps, false));
  });
}

for (let seed = 1; seed <= 25; seed++) {
  test(`a snapshot after every event changes nothing in a random app (seed ${seed})`, () => {
    const random = seeded(seed);
    const templates = Array.from({ length: 4 }, () => QUERIES[below(random, QUERIES.length)] ?? "");
    const { text, queries, streams } = named(templates);
    const steps = stepsOf(random);
    const whole = runApp(text, queries, streams, steps, false);
    expect(runApp(text, queries, streams, steps, true)).toEqual(whole);
    expect(Object.values(whole.current).flat().length).toBeGreaterThan(0);
  });
}
