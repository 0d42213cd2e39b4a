import { CommanderError } from "commander";
import { CliError, exitCodes } from "./cli-error.ts";
import { contextOf } from "./context.ts";
import { buildProgram } from "./program.ts";

// A reader that has seen enough (`| head`) is no error.
process.stdout.on("error", () => process.exit(exitCodes.ok));

const program = buildProgram();
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
// A command that returned is done; what is left (a kept-alive socket) must not hold the terminal.
process.exit();

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage; // it spoke already
  const { terminal } = contextOf(program);
  if (error instanceof CliError) {
    terminal.error(error.message, error.hint);
    return error.exitCode;
  }
  terminal.error(error instanceof Error ? error.message : "something unknown went wrong");
  if (process.env.EDGENYM_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return exitCodes.failed;
}
