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

function interruption(): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    process.off("SIGINT", stop).off("SIGTERM", stop).off("SIGHUP", stop);
    controller.abort();
  };
  process.on("SIGINT", stop).on("SIGTERM", stop).on("SIGHUP", stop);
  return controller.signal;
}
