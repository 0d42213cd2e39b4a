#!/usr/bin/env node
// Runs the command line on Node 24, which comes in as the dev dependency `node` and runs TypeScript as it is.
// Plain JavaScript without dependencies, because whatever Node is on the machine starts it.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const binary = process.platform === "win32" ? "node.exe" : "node";
const own = path.join(root, "node_modules", "node", "bin", binary);
const isRecent = Number(process.versions.node.split(".")[0]) >= 24;

if (!existsSync(own) && !isRecent) {
  console.error("Edgenym's dependencies are not installed here. Run npm start once, or npm ci.");
  process.exit(1);
}
const child = spawn(
  existsSync(own) ? own : process.execPath,
  [path.join(root, "cli", "main.ts"), ...process.argv.slice(2)],
  {
    stdio: "inherit",
  },
);
// From a terminal Ctrl-C reaches the child by itself; from a supervisor the signal comes only here.
process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
