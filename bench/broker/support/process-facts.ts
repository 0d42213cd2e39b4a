import { readdirSync, readFileSync } from "node:fs";

/** Resident memory of a process in MiB (Linux). */
export function residentMib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(read(pid, "status"))?.[1] ?? Number.NaN) / 1024;
}

/** Processor time that a process has used, all its threads together, in seconds (Linux, 100 ticks a second). */
export function processorSeconds(pid: number): number {
  const fields = read(pid, "stat")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Direct children of this process with that name. */
export function childrenNamed(name: string): number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      const match = /\((.*)\) \S (\d+)/.exec(read(pid, "stat"));
      return match?.[1] === name && Number(match[2]) === process.pid;
    });
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return ""; // it ended meanwhile
  }
}
