import { readFileSync } from "node:fs";
import path from "node:path";

/** The platform's log so far, a parsed line each (engines/log). */
export function logLines(
  stateDir: string,
): { level: string; worker: string; event: string; route?: string }[] {
  return readFileSync(path.join(stateDir, "log.jsonl"), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}
