import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout } from "node:timers/promises";

/** Who runs on one state folder; kept in its `processes.json`, so that the next start knows. */
interface Processes {
  readonly platform: number;
  readonly workerd: readonly number[];
}

/** Another platform runs on the same state folder. */
export class AlreadyRunningError extends Error {
  constructor(pid: number) {
    super(`a platform already runs on this state folder (process ${pid})`);
    this.name = "AlreadyRunningError";
  }
}

/** Notes this process and the workerd that it started. */
export function recordProcesses(stateDir: string): void {
  const processes: Processes = { platform: process.pid, workerd: childrenNamed("workerd") };
  writeFileSync(fileIn(stateDir), JSON.stringify(processes));
}

/** A clean end leaves nothing to look for. */
export function forgetProcesses(stateDir: string): void {
  rmSync(fileIn(stateDir), { force: true });
}

/**
 * A platform that was killed leaves its workerd behind, which holds the ports and the databases: end it. Only
 * processes that were recorded, still are workerd, and whose platform is gone are touched. Their ports may take a
 * moment more to be free, until the last of their threads is gone.
 * @returns whether there was one.
 * @throws AlreadyRunningError if the platform itself is alive.
 */
export async function endLeftover(stateDir: string): Promise<boolean> {
  const recorded = readProcesses(stateDir);
  if (recorded === undefined) return false;
  if (commandOf(recorded.platform).includes("scripts/start.ts"))
    throw new AlreadyRunningError(recorded.platform);
  const leftover = recorded.workerd.filter((pid) => commandOf(pid).includes("workerd"));
  for (const pid of leftover) process.kill(pid, "SIGKILL");
  while (running().some(({ pid }) => leftover.includes(pid))) await setTimeout(20);
  forgetProcesses(stateDir);
  return leftover.length > 0;
}

function readProcesses(stateDir: string): Processes | undefined {
  try {
    return JSON.parse(readFileSync(fileIn(stateDir), "utf8"));
  } catch {
    return undefined; // none, or cut off by the very crash: then the ports say what is wrong
  }
}

/** One process of this machine. */
interface Running {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** @returns "" for a process that is gone. */
function commandOf(pid: number): string {
  return running().find((candidate) => candidate.pid === pid)?.command ?? "";
}

function childrenNamed(name: string): number[] {
  return running()
    .filter(({ parent, command }) => parent === process.pid && command.includes(name))
    .map(({ pid }) => pid);
}

/** From `/proc` where there is one, since a small system has no `ps`; else from `ps`. */
function running(): Running[] {
  return existsSync("/proc/self/stat") ? runningFromProc() : runningFromPs();
}

function runningFromProc(): Running[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim();
        // `pid (name) state ppid …`, where the name may hold anything
        const afterName = readFileSync(`/proc/${name}/stat`, "utf8").replace(/^.*\)/s, "").trim();
        const [state, parent] = afterName.split(" ");
        // A zombie has let go of its ports and files already; a dying process without a command line has not.
        return state === "Z" ? [] : [{ pid: Number(name), parent: Number(parent), command }];
      } catch {
        return []; // ended in between
      }
    });
}

function runningFromPs(): Running[] {
  const { stdout } = spawnSync("ps", ["-A", "-o", "pid=,ppid=,args="], { encoding: "utf8" });
  return (stdout ?? "")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .map(([pid, parent, ...command]) => ({
      pid: Number(pid),
      parent: Number(parent),
      command: command.join(" "),
    }));
}

function fileIn(stateDir: string): string {
  return path.join(stateDir, "processes.json");
}
