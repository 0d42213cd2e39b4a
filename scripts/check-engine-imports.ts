import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const PLATFORM =
  /\bfrom\s+["'](cloudflare:|node:|hono|drizzle)|\bimport\(\s*["'](cloudflare:|node:|hono|drizzle)|\bimport\s+["']|\bBuffer\b/;

/**
 * An engine runs the same in Node, in workerd and in a browser, so it imports nothing of any of them; and arrows
 * point one way: workers -> durable-objects -> engines, never one Worker into another.
 */
const violations = [
  ...linesOf("engines/**/*.ts").filter(({ line }) => PLATFORM.test(line)),
  ...linesOf("engines/**/*.ts").filter(({ line }) =>
    /from\s+["'][./]+\/(workers|durable-objects|sdk|cli)\//.test(line),
  ),
  ...linesOf("durable-objects/**/*.ts").filter(({ line }) => /from\s+["'][./]+\/workers\//.test(line)),
  ...linesOf("workers/*/src/**/*.{ts,tsx}").filter(({ file, line }) => {
    const other = /from\s+["'](?:\.\.\/)+(gateway|didp|pseudonymiser|cep|portal)\/src\//.exec(line);
    return other !== null && !file.startsWith(`workers/${other[1]}/`);
  }),
];
for (const { file, number, line } of violations) console.error(`${file}:${number}: ${line.trim()}`);
process.exit(violations.length === 0 ? 0 : 1);

function linesOf(pattern: string): { file: string; number: number; line: string }[] {
  return globSync(pattern, { cwd: root })
    .filter((file) => !file.endsWith(".test.ts"))
    .flatMap((file) =>
      readFileSync(path.join(root, file), "utf8")
        .split("\n")
        .map((line, index) => ({ file, number: index + 1, line })),
    );
}
