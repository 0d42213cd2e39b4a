import { Command } from "commander";
import type { DeviceIdentity } from "../../sdk/device-identity.ts";
import { contextOf } from "../context.ts";
import { examples } from "../options.ts";

/** `edgenym device list` */
export function deviceCommand(): Command {
  const device = new Command("device").description("the simulated devices of this machine");
  device
    .command("list")
    .description("name, model and whether somebody owns it")
    .addHelpText("before", examples("device list", "device list --json"))
    .action(async (_, command: Command) => {
      const { terminal, workspace } = contextOf(command);
      const devices = await workspace.devices();
      for (const identity of devices) {
        terminal.record({
          name: identity.name,
          model: identity.product,
          owned: identity.refreshToken !== undefined,
          label: workspace.labelPath(identity.name),
        });
      }
      const width = Math.max(4, ...devices.map(({ name }) => name.length));
      if (devices.length > 0) terminal.line(`${"NAME".padEnd(width)}  ${"MODEL".padEnd(12)}  OWNER`);
      for (const { name, product, refreshToken } of devices) {
        const owner = refreshToken === undefined ? "nobody yet" : "somebody";
        terminal.line(`${name.padEnd(width)}  ${product.padEnd(12)}  ${owner}`);
      }
      if (devices.length === 0) terminal.note("There are no devices yet.");
      const [next, why] = nextStep(devices);
      terminal.next(next, why);
    });
  return device;
}

function nextStep(devices: readonly DeviceIdentity[]): readonly [string, string] {
  if (devices.length === 0) return ["npx edgenym factory register --count 3", "make some"];
  const unowned = devices.find(({ refreshToken }) => refreshToken === undefined);
  if (unowned !== undefined)
    return [`npx edgenym claim ${unowned.name} --open`, `make ${unowned.name} yours (it must be running)`];
  return ["npx edgenym sim run", "switch them on"];
}
