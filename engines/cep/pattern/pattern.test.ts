import { expect, test } from "vitest";
import { below, seeded } from "../../testing/random.ts";
import { Bench } from "../testing.ts";

const S =
  "define stream A (id int, v int); define stream B (id int, v int); define stream C (id int, v int); ";

interface Sent {
  readonly stream: string;
  readonly id: number;
  readonly v: number;
  readonly at: number;
}

function randomStream(seed: number, count: number): Sent[] {
  const random = seeded(seed);
  let at = 0;
  return Array.from({ length: count }, (_, id) => {
    at += below(random, 3) * 400;
    return { stream: "ABC".charAt(below(random, 3)), id, v: below(random, 5), at };
  });
}

/** Runs the app over the events; evicts at random, so that every pattern is also tested across snapshots. */
function matches(query: string, events: readonly Sent[], seed: number): unknown[][] {
  const random = seeded(seed + 1000);
  const bench = new Bench(S + query).watch("Out").start();
  const start = bench.now;
  for (const e of events) {
    bench.advance(start + e.at - bench.now);
    bench.send(e.stream, [e.id, e.v]);
    if (random() < 0.1) bench.evict();
  }
  bench.advance(60_000);
  return bench.rows.Out ?? [];
}

/** `every a -> b`: each A with the first B after it that fits, all that end with one B together. */
function everyThen(
  events: readonly Sent[],
  fits: (a: Sent, b: Sent) => boolean,
  withinMs = Number.POSITIVE_INFINITY,
): number[][] {
  const found: [number, number][] = [];
  for (const [i, a] of events.entries()) {
    if (a.stream !== "A") continue;
    const b = events.slice(i + 1).find((x) => x.stream === "B" && fits(a, x) && x.at - a.at <= withinMs);
    const isCut =
      b !== undefined && events.slice(i + 1, events.indexOf(b)).some((x) => x.at - a.at > withinMs);
    if (b !== undefined && !isCut) found.push([a.id, b.id]);
  }
  return found.sort((x, y) => x[1] - y[1] || x[0] - y[0]);
}

for (const seed of [1, 2, 3, 4, 5]) {
  const events = randomStream(seed, 120);

  test(`every a -> b agrees with a search (seed ${seed})`, () => {
    expect(
      matches(
        "from every e1=A -> e2=B[v > e1.v] select e1.id as a, e2.id as b insert into Out;",
        events,
        seed,
      ),
    ).toEqual(everyThen(events, (a, b) => b.v > a.v));
  });

  test(`every a -> b within agrees with a search (seed ${seed})`, () => {
    const found = matches(
      "from every e1=A -> e2=B[v == e1.v and v > 1] within 2 sec select e1.id as a, e2.id as b insert into Out;",
      events,
      seed,
    );
    expect(found).toEqual(everyThen(events, (a, b) => b.v === a.v && b.v > 1, 2000));
  });

  test(`a -> b without every matches once (seed ${seed})`, () => {
    const first = events.findIndex((e) => e.stream === "A");
    const b = events.slice(first + 1).find((e) => e.stream === "B");
    const wanted = first >= 0 && b !== undefined ? [[events[first]?.id, b.id]] : [];
    expect(matches("from e1=A -> e2=B select e1.id as a, e2.id as b insert into Out;", events, seed)).toEqual(
      wanted,
    );
  });

  test(`every (a and b) takes each pair once (seed ${seed})`, () => {
    // The first of a kind is kept until its partner comes.
    const found = matches(
      "from every (e1=A and e2=B) select e1.id as a, e2.id as b insert into Out;",
      events,
      seed,
    );
    expect(found).toEqual(pairs(events));
  });

  test(`every a, b, c as a sequence over one stream agrees with neighbours (seed ${seed})`, () => {
    const one = events.map((e) => ({ ...e, stream: "A" }));
    const wanted: number[][] = [];
    for (let i = 0; i + 2 < one.length; i++) {
      const [x, y, z] = one.slice(i, i + 3) as [Sent, Sent, Sent]; // three by the bound of the loop
      if (y.v > x.v && z.v > y.v) wanted.push([x.id, y.id, z.id]);
    }
    const found = matches(
      "from every e1=A, e2=A[v > e1.v], e3=A[v > e2.v] select e1.id as a, e2.id as b, e3.id as c insert into Out;",
      one,
      seed,
    );
    // A run that goes on does not start again inside itself, so every match found is a run of neighbours.
    for (const row of found) expect(wanted).toContainEqual(row);
    expect(found.length > 0).toBe(wanted.length > 0);
  });

  test(`a -> not b for a time agrees with a search (seed ${seed})`, () => {
    const wanted: number[] = [];
    for (const [i, a] of events.entries()) {
      if (a.stream === "A" && !events.slice(i + 1).some((x) => x.stream === "B" && x.at - a.at < 1000))
        wanted.push(a.id);
    }
    const found = matches(
      "from every e1=A -> not B for 1 sec select e1.id as a insert into Out;",
      events,
      seed,
    ).map((r) => Number(r[0]));
    expect(found.sort((x, y) => x - y)).toEqual(wanted);
  });
}

/** Pairs as `every (a and b)` takes them: the first of each kind since the last pair. */
function pairs(events: readonly Sent[]): number[][] {
  const found: number[][] = [];
  let a: Sent | undefined;
  let b: Sent | undefined;
  for (const e of events) {
    if (e.stream === "A") a ??= e;
    else if (e.stream === "B") b ??= e;
    if (a === undefined || b === undefined) continue;
    found.push([a.id, b.id]);
    a = b = undefined;
  }
  return found;
}

test("counts keep their chain: first, last and one in between", () => {
  const bench = new Bench(
    `${S}from e1=A<2:3> -> e2=B select e1[0].v as x, e1[last].v as y, e1[last-1].v as z, e1[2].v as w insert into Out;`,
  )
    .watch("Out")
    .start();
  bench.send("A", [1, 10], [2, 20], [3, 30]).evict().send("B", [4, 0]);
  expect(bench.rows.Out).toEqual([[10, 30, 20, 30]]);
});

test("within frees partial matches when the next event comes, or none at all", () => {
  const text = `${S}@info(name='q') from every e1=A -> e2=B within 1 sec select e1.id as a insert into Out;`;
  const bench = new Bench(text).watch("Out").start();
  bench.send("A", [1, 0], [2, 0], [3, 0]);
  expect(bench.app.metrics().queries[0]?.matches).toBe(4);
  bench.advance(500).evict().advance(1600);
  expect(bench.app.metrics().queries[0]?.matches).toBe(1);
  expect(bench.app.metrics().rows).toBe(1);
  expect(bench.app.nextDue()).toBeUndefined();
  bench.send("B", [4, 0]).send("A", [5, 0]).advance(900).send("B", [6, 0]);
  expect(bench.rows.Out).toEqual([[5]]);
});
