/**
 * What does one more partition key, partial match, window row or table row take? Heap in bytes after a collection,
 * and characters of the app's snapshot: the slope between a quarter of them and all. `node bench/cep/memory.ts
 * [--count 20000]`.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { CepApp } from "../../engines/cep/app.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void; // what the flag makes
const at = process.argv.indexOf("--count");
const count = at < 0 ? 20_000 : Number(process.argv[at + 1]);
const stream = "define stream S (symbol string, price double, volume long);";
const start = 1_700_000_000_000;

/** Each event adds one of what is asked for, and nothing leaves. */
const cases = {
  "partition key with a pattern that waits": `@app:playback ${stream} partition with (symbol of S) begin
    from every e1=S[price > 1000] -> e2=S[price < e1.price] select e1.price as p insert into Out; end;`,
  "partition key with a window and a sum": `@app:playback ${stream} partition with (symbol of S) begin
    from S#window.length(10) select symbol, sum(price) as total insert into Out; end;`,
  "partial match": `@app:playback ${stream}
    from every e1=S[price >= 0] -> e2=S[price < 0] select e1.symbol as symbol insert into Out;`,
  "window row": `@app:playback ${stream} from S#window.length(${2 * count}) select avg(price) as mean insert into Out;`,
  "table row": `@app:playback ${stream} @PrimaryKey('symbol')
    define table T (symbol string, price double, volume long); from S insert into T;`,
};

for (const [what, text] of Object.entries(cases)) {
  const app = new CepApp(text, {
    clock: { now: () => start },
    limits: { maxRows: 2 * count, maxPartitionKeys: 2 * count },
  });
  app.start();
  const input = app.input("S");
  let sent = 0;
  const fill = (upTo: number) => {
    for (; sent < upTo; sent += 1) input.send([`S${sent}`, sent % 100, sent], start + sent);
    collect();
    return { heap: process.memoryUsage().heapUsed, snapshot: app.snapshot().length };
  };
  const first = fill(count / 4);
  const second = fill(count);
  const more = count - count / 4;
  console.log(
    JSON.stringify({
      name: "cep.memory",
      of: what,
      heap_bytes: Math.round((second.heap - first.heap) / more),
      snapshot_characters: Math.round((second.snapshot - first.snapshot) / more),
      n: count,
      errors: app.metrics().errors,
    }),
  );
  app.shutdown();
}
