import { expect, test } from "vitest";
import { below, seeded } from "../testing/random.ts";
import { CepApp } from "./app.ts";
import { CepError } from "./cep-error.ts";

const TEXT = `@app:name('fuzz')
@OnError(action='stream') define stream S (k string, v int, ts long);
@primaryKey('k') define table T (k string, v int);
define window W (k string, v int) lengthBatch(3) output all events;
define trigger Noon at '0 0 12 * * ?';
define aggregation G from S select k, sum(v) as total group by k aggregate by ts every sec ... hour;
@info(name='q1') from S[v > 3 and not (T.k == k in T)]#window.cron('*/5 * * * * ?') select k, avg(v) as mean group by k having mean > 2.5 order by mean desc limit 3 insert into Out;
from every e1=S -> e2=S<1:3> -> not S[v == e1.v] for 2 sec within 1 min select e1.k as a, e2[last].v as b insert into Matches;
from every e1=S, e2=S[v > e1.v]+, e3=S select e1.v as x, str:concat(e3.k, 'z') as y output last every 3 events insert all events into Runs;
from S as s left outer join T as t on s.k == t.k select s.k as k, coalesce(t.v, 1) as v update or insert into T set T.v = v on T.k == k;
from S join G as g on S.k == g.k within '2024-**-** **:**:**' per 'hours' select g.total as total insert into Totals;
@purge(enable='true', interval='1 sec', idle.period='1 hour') partition with (k of S) begin from S select k, v insert into #I; from #I#window.timeBatch(1 sec) select count() as n insert into Counts; end;`;

for (let seed = 1; seed <= 5; seed++) {
  test(`whatever is wrong with a text is told with its place (seed ${seed})`, () => {
    const random = seeded(seed);
    const words = TEXT.split(/\b/);
    const word = () => words[below(random, words.length)] ?? "";
    expect(() => new CepApp(TEXT, { clock: { now: () => 0 } })).not.toThrow();
    for (let i = 0; i < 300; i++) {
      const changed = [...words];
      const at = below(random, words.length);
      const kind = below(random, 4);
      if (kind === 0) changed.splice(at, 1);
      else if (kind === 1) changed.splice(at, 0, word());
      else if (kind === 2) changed[at] = word();
      else changed.splice(at);
      const text = changed.join("");
      try {
        new CepApp(text, { clock: { now: () => 0 } });
      } catch (error) {
        expect(error, text).toBeInstanceOf(CepError);
        expect(error, text).toMatchObject({
          position: { line: expect.any(Number), column: expect.any(Number) },
        });
      }
    }
  });
}
