import { Command } from "commander";
import { claimCommand } from "./commands/claim.ts";
import { deviceCommand } from "./commands/device.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { factoryCommand } from "./commands/factory.ts";
import { simCommand } from "./commands/sim.ts";
import { tokenCommand } from "./commands/token.ts";
import { tpaCommand } from "./commands/tpa.ts";
import { versionCommand } from "./commands/version.ts";

/** The whole command line; `parseAsync` on it throws CommanderError and CliError. */
export function buildProgram(): Command {
  const program = new Command("edgenym")
    .description("The command line of Edgenym: edgenym <noun> <verb>")
    .option("--json", "results as JSON lines on stdout")
    .option("--quiet", "say nothing about how it is going")
    .option("--state <dir>", "the platform's folder (default: .edgenym, or EDGENYM_STATE)")
    .addHelpText(
      "before",
      [
        "Examples, in the order of a first visit:",
        "  $ npm start                                   the platform, in one terminal",
        "  $ npx edgenym sim factory --count 3           three devices, with their labels, in another",
        "  $ npx edgenym claim --open                    make the first of them yours",
        "  $ npx edgenym tpa demo --open                 let an app see it",
        "",
      ].join("\n"),
    );
  for (const command of [
    factoryCommand(),
    simCommand(),
    claimCommand(),
    deviceCommand(),
    tpaCommand(),
    tokenCommand(),
    doctorCommand(),
    versionCommand(),
  ]) {
    program.addCommand(command);
  }
  forEachCommand(program, (command) => command.exitOverride().showHelpAfterError("(see --help)"));
  return program;
}

function forEachCommand(command: Command, change: (command: Command) => void): void {
  change(command);
  for (const child of command.commands) forEachCommand(child, change);
}
