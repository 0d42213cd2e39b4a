import { Command } from "commander";
import { contextOf } from "../context.ts";
import { openInBrowser } from "../open-url.ts";
import { examples } from "../options.ts";

/** `edgenym tpa demo` */
export function tpaCommand(): Command {
  const tpa = new Command("tpa").description("third-party apps");
  tpa
    .command("demo")
    .description("the sample app: asks for access, shows live values, switches lights")
    .option("--open", "open it in the browser")
    .addHelpText("before", examples("tpa demo --open"))
    .action(async (options: { open?: boolean }, command: Command) => {
      const { terminal, workspace } = contextOf(command);
      const { sampleApp } = await workspace.platform();
      terminal.line(sampleApp);
      terminal.record({ url: sampleApp });
      if (options.open && !(await openInBrowser(sampleApp))) {
        terminal.note("There is no browser to open here; open the address above yourself.");
      }
      terminal.next("npx edgenym device list", "what the app could be shown");
    });
  return tpa;
}
