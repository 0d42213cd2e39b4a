import { Command } from "commander";
import { Factory } from "../../sdk/factory.ts";
import { writeAtomically } from "../../sdk/identity-file.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { Gate } from "../concurrency.ts";
import { type Context, contextOf } from "../context.ts";
import { Operator } from "../operator.ts";
import { examples, positiveInteger, positiveNumber } from "../options.ts";
import { productOrError } from "../register-devices.ts";
import { credentialFile, Fleet, type FleetProgress } from "../sim/fleet.ts";
import { FleetJournal, JournalError } from "../sim/fleet-journal.ts";
import { runFleet } from "../sim/fleet-run.ts";

interface FleetCommandOptions {
  readonly users: number;
  readonly devices: number;
  readonly credentials: string;
  readonly model: string;
  readonly logins: string;
  readonly concurrency: number;
  readonly connect?: boolean;
  readonly interval: number;
  readonly limit?: number;
}

/** The DIdP lets one network try five claim codes a minute; a code that is right is not counted, but while it is looked up. */
const CLAIMS_AT_A_TIME = 4;

/** `edgenym sim fleet` */
export function fleetCommand(): Command {
  return new Command("fleet")
    .description(
      "make many users with devices and an app each, for load tests; run again to go on or to renew the tokens",
    )
    .requiredOption("--users <n>", "how many users", positiveInteger)
    .requiredOption(
      "--credentials <file>",
      "where to write: clientid username password topic-prefix user=KEY role=dev|tpa",
    )
    .option("--devices <n>", "devices of each user", positiveInteger, 1)
    .option("--model <id>", "which product they are", "room-node")
    .option("--logins <prefix>", "the people log in as prefix1, prefix2, …", "load-")
    .option("--concurrency <n>", "users made at the same time", positiveInteger, 8)
    .option("--connect", "then run them: devices measure, apps listen")
    .option("--interval <seconds>", "how often a device measures (with --connect)", positiveNumber, 1)
    .option("--limit <n>", "stop after n rounds (with --connect)", positiveInteger)
    .addHelpText(
      "before",
      examples(
        "sim fleet --users 100 --devices 2 --credentials fleet.txt",
        "sim fleet --users 100 --devices 2 --credentials fleet.txt --connect",
      ),
    )
    .action(async (options: FleetCommandOptions, command: Command) => {
      const context = contextOf(command);
      try {
        await makeFleet(context, options);
      } catch (error) {
        if (!(error instanceof JournalError)) throw error;
        throw new CliError(exitCodes.usage, error.message, "Choose another file, or remove that one", {
          cause: error,
        });
      }
    });
}

async function makeFleet(context: Context, options: FleetCommandOptions): Promise<void> {
  const { terminal, workspace, signal } = context;
  const { didp, gateway } = await workspace.platform();
  const product = productOrError(options.model);
  const journal = new FleetJournal(`${options.credentials}.journal`, didp);
  const operator = new Operator({ didp, operatorToken: await workspace.operatorToken() });
  await operator.putProduct(product);
  const initialAccessToken = await operator.initialAccessToken([product], options.users * options.devices);
  const factory = new Factory({ didp, initialAccessToken });
  const world = {
    gateway,
    factory,
    journal,
    claims: new Gate(CLAIMS_AT_A_TIME),
    product: product.id,
    signal,
  };
  const fleet = new Fleet(world, {
    users: options.users,
    devicesPerUser: options.devices,
    loginPrefix: options.logins,
    concurrency: options.concurrency,
    onProgress: progressTeller(context, options.users),
  });
  const { credentials, failed } = await fleet.make();
  await writeAtomically(options.credentials, credentialFile(credentials), 0o600);
  for (const failure of failed) terminal.record({ event: "failed", ...failure });
  const made = new Set(credentials.map(({ userKey }) => userKey)).size;
  terminal.line(`${made} users, ${credentials.length} credentials in ${options.credentials}`);
  terminal.record({
    event: "made",
    users: made,
    credentials: credentials.length,
    failed: failed.length,
    file: options.credentials,
  });

  if (options.connect && !signal.aborted && made > 0) {
    const users = fleet.users.filter(({ key }) => credentials.some(({ userKey }) => userKey === key));
    const { interval: intervalSeconds, limit } = options;
    await runFleet({
      users,
      journal,
      intervalSeconds,
      terminal,
      signal,
      ...(limit === undefined ? {} : { limit }),
    });
  }
  if (made < options.users) {
    const why = failed.at(-1)?.why ?? "interrupted";
    const code = made === 0 ? exitCodes.failed : exitCodes.partial;
    throw new CliError(
      code,
      `${options.users - made} of ${options.users} users are missing: ${why}`,
      "Run the same command again to go on",
    );
  }
  if (!options.connect)
    terminal.next(`${gateway.replace(/^http/, "ws")}/mqtt`, "point a load driver here, or add --connect");
}

/** Counts done, failed and left; the time left once 5 % are done. */
function progressTeller({ terminal }: Context, users: number): (progress: FleetProgress) => void {
  const startedMs = Date.now();
  return ({ done, failed, left, lastFailure }) => {
    terminal.record({ event: "progress", done, failed, left });
    const tried = done + failed;
    const leftSeconds = Math.round(((Date.now() - startedMs) / 1000 / tried) * left);
    const eta = tried / users < 0.05 || left === 0 ? "" : `, about ${leftSeconds} s left`;
    terminal.status(
      `${done} of ${users} users made, ${failed} failed${eta}${lastFailure === undefined ? "" : ` · last: ${lastFailure}`}`,
    );
  };
}
