import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Server } from "./support/server.ts";

/** The lines that the documentation tells people to type, typed: every `sh` block of a page, in one shell. */
const root = path.resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(path.join(tmpdir(), "edgenym-docs-"));
const stateDir = path.join(folder, ".edgenym");
const server = new Server({
  firstPort: 18170,
  stateDir,
  arguments: ["--no-demo", "--set", "DEVICE_POLL_SECONDS=1"],
});

beforeAll(async () => {
  symlinkSync(path.join(root, "package.json"), path.join(folder, "package.json"));
  await server.start();
});

afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

test.each([
  ["connect-a-device.md", /"v": 21\.5/],
  ["owner-token.md", /^hello$/m],
  ["fleet-rules.md", /"state":"stopped"/],
])("docs/%s does what it says", async (page, result) => {
  const [rule] = blocksOf(page, "siddhi");
  if (rule !== undefined) writeFileSync(path.join(folder, "survey.siddhi"), rule);
  const { code, output } = await typeIn(blocksOf(page, "sh").join("\n"));
  expect(code, output).toBe(0);
  expect(output).toMatch(result);
});

function blocksOf(page: string, language: string): string[] {
  const text = readFileSync(path.join(root, "docs", page), "utf8");
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"));
  return [...blocks].map(([, block = ""]) => block);
}

/** The ports are those of this test's own platform; all else is typed as it stands. */
function typeIn(lines: string): Promise<{ code: number | null; output: string }> {
  const { didp, gateway, mqtt } = server.addresses;
  const script = lines
    .replaceAll("http://127.0.0.1:8788", didp)
    .replaceAll("http://127.0.0.1:8787", gateway)
    .replaceAll("ws://127.0.0.1:8787", gateway.replace("http", "ws"))
    .replaceAll("-p 1883", `-p ${new URL(mqtt).port}`)
    .replaceAll("npx edgenym", `node ${path.join(root, "cli/edgenym.mjs")}`);
  const shell = spawn("bash", ["-euo", "pipefail", "-c", script], {
    cwd: folder,
    env: { ...process.env, EDGENYM_STATE: stateDir },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  shell.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  shell.stderr.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  return new Promise((resolve) => shell.on("close", (code) => resolve({ code, output })));
}
