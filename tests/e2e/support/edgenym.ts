import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";

const launcher = path.resolve(import.meta.dirname, "../../../cli/edgenym.mjs");

/** One `edgenym … --json` as a process of its own. */
export class Edgenym {
  readonly records: Record<string, unknown>[] = [];
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  #wake: () => void = () => {};
  #errors = "";

  constructor(stateDir: string, args: readonly string[]) {
    this.#child = spawn(process.execPath, [launcher, ...args, "--json", "--state", stateDir], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let rest = "";
    this.#child.stdout?.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      this.records.push(...lines.filter((line) => line !== "").map((line) => JSON.parse(line)));
      this.#wake();
    });
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      this.#errors += chunk.toString();
    });
    this.ended = new Promise((resolve) => {
      this.#child.on("close", (code) => {
        resolve(code);
        this.#wake();
      });
    });
  }

  /** Waits until `count` records fit. @throws Error with what it said on stderr if it ends before. */
  async waitFor(
    fits: (record: Record<string, unknown>) => boolean,
    count = 1,
  ): Promise<Record<string, unknown>[]> {
    for (;;) {
      const found = this.records.filter(fits);
      if (found.length >= count) return found;
      if (this.#child.exitCode !== null)
        throw new Error(`edgenym ended with ${this.#child.exitCode}: ${this.#errors}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Ctrl-C, and waits for the end. */
  async stop(): Promise<number | null> {
    if (this.#child.exitCode === null) this.#child.kill("SIGINT");
    return this.ended;
  }
}
