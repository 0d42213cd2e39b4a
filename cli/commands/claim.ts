import { Command } from "commander";
import { demoPeople } from "../../demo/people.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { type Context, contextOf } from "../context.ts";
import { openInBrowser } from "../open-url.ts";
import { examples } from "../options.ts";
import { Person, PersonStuck } from "../sim/person.ts";

interface ClaimOptions {
  readonly as?: string;
  readonly open?: boolean;
  readonly name?: string;
}

/** `edgenym claim` */
export function claimCommand(): Command {
  return new Command("claim")
    .description("make a device yours, in the browser or as one of the demo people")
    .argument(
      "[device]",
      "a label's address, its code, or a device's name; default: the first without an owner",
    )
    .option("--open", "open the claim page in the browser")
    .option("--as <person>", "do it without a browser, as alice, bob or carol")
    .option("--name <name>", "what the new owner calls it (with --as)")
    .addHelpText("before", examples("claim --open", "claim room-node-1 --as alice"))
    .action(async (device: string | undefined, options: ClaimOptions, command: Command) => {
      const context = contextOf(command);
      const { url, name } = await labelOf(context, device);
      if (options.as === undefined) return await inBrowser(context, url, options.open === true);
      await asPerson(context, url, options.as, options.name ?? name);
    });
}

async function inBrowser({ terminal }: Context, url: URL, open: boolean): Promise<void> {
  terminal.line(url.href);
  terminal.record({ registration_uri: url.href });
  if (open && !(await openInBrowser(url.href))) {
    terminal.note("There is no browser to open here; open the address above yourself, or use --as alice.");
  }
  terminal.next("npx edgenym tpa demo --open", "let an app see it, once it is yours");
}

async function asPerson({ terminal }: Context, url: URL, login: string, deviceName: string): Promise<void> {
  try {
    const page = await new Person({ login }).claim(url, { deviceName });
    terminal.line(`${terminal.style("green", "✓")} ${deviceName} is ${login}'s now: "${page.heading}"`);
    terminal.record({ device: deviceName, owner: login, claimed: true });
  } catch (error) {
    if (error instanceof PersonStuck) {
      const { page } = error;
      if (page?.forms.some(({ buttons }) => buttons.some(({ name }) => name === "login"))) {
        const hint = `The demo people are ${demoPeople.map((person) => person.login).join(", ")}`;
        throw new CliError(exitCodes.auth, `the demo login does not know ${login}`, hint, { cause: error });
      }
      const code = page?.status === 404 ? exitCodes.notFound : exitCodes.failed;
      throw new CliError(
        code,
        error.message,
        "Is the device switched on (npx edgenym sim run), and nobody's yet?",
        { cause: error },
      );
    }
    if (error instanceof TypeError) {
      throw new CliError(
        exitCodes.failed,
        `${url.origin} does not answer`,
        "Is it running? Start it: npm start",
        { cause: error },
      );
    }
    throw error;
  }
  terminal.next("npx edgenym tpa demo --open", "let an app see it");
}

/** An address is taken as it is; 26 letters are a code; anything else is the name of a device of ours. */
async function labelOf(
  { workspace }: Context,
  device: string | undefined,
): Promise<{ url: URL; name: string }> {
  if (device !== undefined && URL.canParse(device)) return { url: new URL(device), name: "Device" };
  const code = device?.replace(/[\s-]/g, "").toUpperCase();
  if (code !== undefined && /^[A-Z2-7]{26}$/.test(code)) {
    return { url: new URL(`/d#${code}`, (await workspace.platform()).didp), name: "Device" };
  }
  if (device !== undefined) {
    const { userRegistrationUri, name } = await workspace.findDevice(device);
    return { url: new URL(userRegistrationUri), name };
  }
  const unowned = (await workspace.devices()).find(({ refreshToken }) => refreshToken === undefined);
  if (unowned === undefined) {
    throw new CliError(
      exitCodes.notFound,
      "there is no device without an owner",
      "Make one: npx edgenym sim factory --count 1",
    );
  }
  return { url: new URL(unowned.userRegistrationUri), name: unowned.name };
}
