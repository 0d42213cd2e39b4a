import { readFile } from "node:fs/promises";
import { Command, Option } from "commander";
import { type Paper, papers } from "../../engines/labels/label-sheet.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { contextOf } from "../context.ts";
import { labelSheetPage, labelSvg, labelText } from "../labels.ts";
import { examples, positiveInteger } from "../options.ts";
import { freeNames, registerDevices } from "../register-devices.ts";
import { checkedName } from "../workspace.ts";

/** `edgenym factory register`, `edgenym factory label` and `edgenym factory sheet` */
export function factoryCommand(): Command {
  const factory = new Command("factory").description("the manufacturer's side: make devices, print labels");
  factory
    .command("register")
    .description("register new devices and print their labels")
    .option("--count <n>", "how many", positiveInteger, 1)
    .option("--model <id>", "room-node, co2-node, motion-node or power-plug", "room-node")
    .option("--name <name>", "what the device is called here; with a count, the beginning of the names")
    .addHelpText(
      "before",
      examples("factory register --count 3", "factory register --model co2-node --name S5 --json"),
    )
    .action(async (options: { count: number; model: string; name?: string }, command: Command) => {
      const { terminal, workspace } = contextOf(command);
      const names =
        options.name !== undefined && options.count === 1
          ? [checkedName(options.name)]
          : await freeNames(workspace, checkedName(options.name ?? options.model), options.count);
      if ((await workspace.devices()).some(({ name }) => names.includes(name))) {
        throw new CliError(
          exitCodes.usage,
          `there is a device called ${names[0]} already`,
          "See: npx edgenym device list",
        );
      }
      let done = 0;
      const wanted = names.map((name) => ({ name, product: options.model }));
      for await (const { identity, labelPath } of registerDevices(workspace, wanted)) {
        done += 1;
        const { name, product, userRegistrationUri, userCode } = identity;
        terminal.record({
          name,
          model: product,
          registration_uri: userRegistrationUri,
          code: userCode,
          label: labelPath,
        });
        if (options.count <= 5) terminal.line(`${labelText(identity)}\n  Label: ${labelPath}\n`);
        else terminal.line(`${name}  ${userRegistrationUri}`);
        terminal.status(`registered ${done} of ${names.length}`);
      }
      terminal.note(`${done} registered.`);
      terminal.next("npx edgenym sim run", "switch them on; then: npx edgenym claim --open");
    });
  factory
    .command("label")
    .description("print a device's label again")
    .argument("<device>", "its name, or a unique beginning")
    .option("--svg", "the label as SVG on stdout")
    .addHelpText(
      "before",
      examples("factory label room-node-1", "factory label room-node-1 --svg > label.svg"),
    )
    .action(async (name: string, options: { svg?: boolean }, command: Command) => {
      const { terminal, workspace } = contextOf(command);
      const identity = await workspace.findDevice(name);
      const path = await workspace.writeLabel(identity.name, labelSvg(identity));
      const { userRegistrationUri, userCode } = identity;
      terminal.record({
        name: identity.name,
        registration_uri: userRegistrationUri,
        code: userCode,
        label: path,
      });
      terminal.line(options.svg ? await readFile(path, "utf8") : `${labelText(identity)}\n  Label: ${path}`);
      terminal.next(`npx edgenym claim ${identity.name} --open`, "make it yours (it must be running)");
    });
  factory
    .command("sheet")
    .description("labels of several devices on sheets of paper, to be printed")
    .argument("[device...]", "their names, or unique beginnings; all of them if left out")
    .addOption(
      new Option("--paper <size>", "what it is printed on").choices(Object.keys(papers)).default("a4"),
    )
    .addHelpText("before", examples("factory sheet", "factory sheet room-node-1 room-node-2 --paper letter"))
    .action(async (names: string[], options: { paper: Paper }, command: Command) => {
      const { terminal, workspace } = contextOf(command);
      const identities =
        names.length === 0
          ? await workspace.devices()
          : await Promise.all(names.map((name) => workspace.findDevice(name)));
      if (identities.length === 0) {
        throw new CliError(
          exitCodes.notFound,
          "there is no device yet",
          "Make some: npx edgenym factory register --count 3",
        );
      }
      const path = await workspace.writeLabelSheet(options.paper, labelSheetPage(identities, options.paper));
      terminal.record({ sheet: path, paper: options.paper, labels: identities.length });
      terminal.line(`${identities.length} labels for ${papers[options.paper].name}: ${path}`);
      terminal.note(
        "Open it in a browser and print it at 100 %. Whoever reads a label can claim the device.",
      );
    });
  return factory;
}
