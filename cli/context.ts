import type { Command } from "commander";
import { Terminal, wantsColor } from "./terminal.ts";
import { Workspace } from "./workspace.ts";

/** What every command is given beside its own arguments. */
export interface Context {
  readonly terminal: Terminal;
  readonly workspace: Workspace;
  /** Aborts at Ctrl-C, once; a second Ctrl-C ends the process at once. */
  readonly signal: AbortSignal;
}

/** Reads the options that every command has. */
export function contextOf(command: Command): Context {
  const {
    json = false,
    quiet = false,
    state,
  } = command.optsWithGlobals<{ json?: boolean; quiet?: boolean; state?: string }>();
  const { stdout, stderr, env } = process;
  return {
    terminal: new Terminal({ out: stdout, err: stderr, json, quiet, color: wantsColor(env, stderr) }),
    workspace: new Workspace(state ?? env.EDGENYM_STATE),
    signal: interruption(),
  };
}

/** A terminal and a launcher may both pass on the same Ctrl-C; only one that comes later is a second one. */
const SAME_INTERRUPTION_MS = 1000;

function interruption(): AbortSignal {
  const controller = new AbortController();
  let firstMs: number | undefined;
  const stop = () => {
    firstMs ??= Date.now();
    if (Date.now() - firstMs > SAME_INTERRUPTION_MS) process.exit(130);
    controller.abort();
  };
  process.on("SIGINT", stop).on("SIGTERM", stop).on("SIGHUP", stop);
  return controller.signal;
}
