import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { type Addresses, addressesFrom } from "../../../scripts/platform/addresses.ts";
import type { PlatformSecrets } from "../../../scripts/platform/secrets.ts";

const root = path.resolve(import.meta.dirname, "../../..");

/** The product as a process of its own, started by the same script as `npm start`. */
export class Server {
  readonly addresses: Addresses;
  readonly #options: { firstPort: number; stateDir: string; arguments: readonly string[] };
  #child: ChildProcess | undefined;
  #output = "";

  constructor(options: { firstPort: number; stateDir: string; arguments?: readonly string[] }) {
    this.#options = { arguments: [], ...options };
    this.addresses = addressesFrom(options.firstPort, options.firstPort + 4);
  }

  /** Everything it printed, over all starts. */
  get output(): string {
    return this.#output;
  }

  get secrets(): PlatformSecrets {
    return JSON.parse(readFileSync(path.join(this.#options.stateDir, "secrets.json"), "utf8"));
  }

  /** Resolves when it says that it runs; rejects with its output when it ends before. */
  start(): Promise<void> {
    const { firstPort, stateDir } = this.#options;
    const script = path.join(root, "scripts/start.ts");
    const child = spawn(
      process.execPath,
      [
        script,
        "--port",
        String(firstPort),
        "--mqtt-port",
        String(firstPort + 4),
        "--state",
        stateDir,
        ...this.#options.arguments,
      ],
      {
        cwd: root,
        stdio: ["ignore", "pipe", "pipe"],
        detached: true, // a process group of its own, so that kill() takes workerd along, as a power cut would
      },
    );
    this.#child = child;
    return new Promise((resolve, reject) => {
      const onOutput = (chunk: Buffer) => {
        this.#output += chunk.toString();
        if (chunk.includes("Stop with Ctrl-C")) resolve();
      };
      child.stdout?.on("data", onOutput);
      child.stderr?.on("data", onOutput);
      child.once("exit", (code) => reject(new Error(`the server ended with ${code}:\n${this.#output}`)));
    });
  }

  /** Ctrl-C, and waits for the end. @returns the exit code. */
  stop(): Promise<number | null> {
    return this.#end((pid) => process.kill(pid, "SIGINT"));
  }

  /** kill -9 of the whole process group: nothing gets to say goodbye. */
  kill(): Promise<number | null> {
    return this.#end((pid) => process.kill(-pid, "SIGKILL"));
  }

  /** kill -9 of the platform's own process; the runtime that it started is left behind. */
  killAlone(): Promise<number | null> {
    return this.#end((pid) => process.kill(pid, "SIGKILL"));
  }

  #end(signal: (pid: number) => void): Promise<number | null> {
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null) return Promise.resolve(child?.exitCode ?? null);
    const ended = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
    signal(child.pid);
    this.#child = undefined;
    return ended;
  }
}
