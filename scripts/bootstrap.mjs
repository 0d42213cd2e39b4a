// Runs a task of this repository on a machine that has only Node 20 (or later), npm and git.
// Plain JavaScript without dependencies: it is what installs them. Everything else is TypeScript on Node 24,
// which comes in as the dev dependency `node`.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const [task, ...rest] = process.argv.slice(2);

if (Number(process.versions.node.split(".")[0]) < 20) {
  fail(`Edgenym needs Node 20 or later; this is ${process.version}.`);
}
if (task === undefined || !existsSync(path.join(root, "scripts", `${task}.ts`))) {
  fail(`There is no task '${task ?? ""}' in scripts/.`);
}

installDependencies();
runTask();

/** `npm ci`, unless node_modules was already made from this very lock file. */
function installDependencies() {
  const marker = path.join(root, "node_modules", ".edgenym-lock");
  const lock = createHash("sha256")
    .update(readFileSync(path.join(root, "package-lock.json")))
    .digest("hex");
  if (existsSync(marker) && readFileSync(marker, "utf8") === lock) return;
  console.error("Installing dependencies (npm ci) ...");
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const install = spawnSync(npm, ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (install.status !== 0) fail("npm ci failed; its own message is above. Is the npm registry reachable?");
  writeFileSync(marker, lock);
}

/** Hands over to Node 24; signals and the exit code pass through. */
function runTask() {
  const bin = path.join(root, "node_modules", ".bin");
  const node = path.join(
    root,
    "node_modules",
    "node",
    "bin",
    process.platform === "win32" ? "node.exe" : "node",
  );
  const child = spawn(
    existsSync(node) ? node : process.execPath,
    [path.join(root, "scripts", `${task}.ts`), ...rest],
    {
      stdio: "inherit",
      env: { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH ?? ""}` },
    },
  );
  // From a terminal Ctrl-C reaches the child by itself; from a supervisor the signal comes only here.
  process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  endWithNpm(child);
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
}

/** npm passes no signal on through its shell: when it is gone, so is whoever could stop us. */
function endWithNpm(child) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const watch = setInterval(() => process.ppid === parent || child.kill("SIGTERM"), 500);
  child.on("exit", () => clearInterval(watch));
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
