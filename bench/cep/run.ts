/**
 * Runs CEP workloads and prints a JSON line each: events per CPU-second and the output count.
 * `node bench/cep/run.ts [FILE…] [--rounds 5] [--share 1]`; without files all of bench/cep/workloads. `--share 0.1`
 * runs a tenth of the events.
 */
import { readdirSync, readFileSync } from "node:fs";
import { CepApp } from "../../engines/cep/app.ts";
import { MAX_ROWS, makeRows, type Workload } from "./generator.ts";

const args = process.argv.slice(2);
const option = (name: string, otherwise: number): number =>
  args.includes(name) ? Number(args[args.indexOf(name) + 1]) : otherwise;
const folder = new URL("./workloads/", import.meta.url);
const named = args.filter((a, i) => !a.startsWith("--") && !args[i - 1]?.startsWith("--"));
const files =
  named.length > 0
    ? named
    : readdirSync(folder)
        .sort()
        .map((f) => new URL(f, folder).pathname);

for (const file of files) {
  const workload = JSON.parse(readFileSync(file, "utf8")) as Workload; // the format of generator.ts
  const count = Math.round(workload.count * option("--share", 1));
  const rows = makeRows(workload.generator, Math.min(count, MAX_ROWS));
  let best = { rate: 0, outputs: 0 };
  for (let round = 0; round < option("--rounds", 5); round++) {
    const result = runOnce(workload, rows, count);
    if (result.rate > best.rate) best = result;
  }
  console.log(
    JSON.stringify({
      name: `cep.${workload.name ?? file}`,
      rate: Math.round(best.rate),
      unit: "events/cpu-s",
      outputs: best.outputs,
      n: count,
      on: `node ${process.version}`,
    }),
  );
}

/** One run over a fresh app; the rows are made beforehand, and sent in turn. */
function runOnce(
  workload: Workload,
  rows: readonly unknown[][],
  count: number,
): { rate: number; outputs: number } {
  let outputs = 0;
  const start = 1_700_000_000_000;
  const app = new CepApp(workload.app, { clock: { now: () => start } });
  app.start();
  if (workload.output !== undefined)
    app.onQuery(workload.output, (current, expired) => {
      outputs += current.length + expired.length;
    });
  else if (/into\s+Out\b/.test(workload.app))
    app.countStream("Out", (n) => {
      outputs += n;
    });
  const streams = typeof workload.stream === "string" ? [workload.stream] : workload.stream;
  const inputs = streams.map((s) => app.input(s));
  const stepMs = workload.generator.stepMs ?? 0;
  const before = process.cpuUsage();
  const [only] = inputs;
  if (inputs.length === 1 && only !== undefined)
    for (let i = 0; i < count; i++) only.send(rows[i % rows.length] ?? [], start + i * stepMs);
  else
    for (let i = 0; i < count; i++)
      inputs[i % inputs.length]?.send(rows[i % rows.length] ?? [], start + i * stepMs);
  const used = process.cpuUsage(before);
  app.shutdown();
  return { rate: count / ((used.user + used.system) / 1e6), outputs };
}
