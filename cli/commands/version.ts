import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { contextOf } from "../context.ts";
import { examples } from "../options.ts";

/** `edgenym version` */
export function versionCommand(): Command {
  return new Command("version")
    .description("the version of Edgenym and of the Node that runs this")
    .addHelpText("before", examples("version --json"))
    .action(async (_, command: Command) => {
      const { terminal } = contextOf(command);
      const packageJson: unknown = JSON.parse(
        await readFile(new URL("../../package.json", import.meta.url), "utf8"),
      );
      const version =
        typeof packageJson === "object" && packageJson !== null && Reflect.get(packageJson, "version");
      terminal.line(`edgenym ${version}, Node ${process.versions.node}`);
      terminal.record({ edgenym: version, node: process.versions.node });
      terminal.next("npx edgenym doctor", "checks that everything is in place");
    });
}
