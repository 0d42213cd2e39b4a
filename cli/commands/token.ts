import { Command } from "commander";
import { CliError, exitCodes } from "../cli-error.ts";
import { contextOf } from "../context.ts";
import { openInBrowser } from "../open-url.ts";
import { examples } from "../options.ts";
import { listenForRedirect, logInAsOwner, type OwnerTokens } from "../owner-login.ts";
import { Person, PersonStuck } from "../sim/person.ts";

/** `edgenym token` */
export function tokenCommand(): Command {
  return new Command("token")
    .description("an access token for your own personal cloud, for any MQTT client")
    .requiredOption("--owner", "with everything that you may do yourself")
    .option("--as <person>", "without a browser, as alice, bob or carol")
    .option("--gateway <uri>", "for another operator's gateway, which trusts this DIdP")
    .addHelpText(
      "before",
      examples(
        "token --owner",
        'mosquitto_sub -u Bearer -P "$(npx edgenym token --owner --as alice)" -t "#" -v',
      ),
    )
    .action(async ({ as: login, gateway }: { as?: string; gateway?: string }, command: Command) => {
      const { workspace, terminal } = contextOf(command);
      const { didp } = await workspace.platform();
      const tokens = await (login === undefined
        ? inBrowser(didp, gateway, (url) => terminal.note(url))
        : asPerson(didp, gateway, login));
      terminal.line(tokens.accessToken);
      terminal.record({
        access_token: tokens.accessToken,
        refresh_token: tokens.refreshToken,
        expires_in: tokens.expiresInSeconds,
        gateway_uri: tokens.gatewayUri,
        user_name: "Bearer",
      });
      terminal.next(
        'mosquitto_sub -u Bearer -P TOKEN -t "#" -v',
        "user name Bearer, the token as the password",
      );
    });
}

async function inBrowser(
  didp: string,
  gateway: string | undefined,
  say: (text: string) => void,
): Promise<OwnerTokens> {
  const redirect = await listenForRedirect();
  const visit = async (url: URL) => {
    say(`Log in and agree in the browser:\n${url.href}`);
    await openInBrowser(url.href);
    return redirect.arrived;
  };
  try {
    return await logInAsOwner(didp, redirect.redirectUri, visit, gateway);
  } finally {
    redirect.close();
  }
}

async function asPerson(didp: string, gateway: string | undefined, login: string): Promise<OwnerTokens> {
  const redirectUri = "http://127.0.0.1/callback";
  const visit = (url: URL) => new Person({ login }).consent(url, redirectUri);
  try {
    return await logInAsOwner(didp, redirectUri, visit, gateway);
  } catch (error) {
    if (!(error instanceof PersonStuck)) throw error;
    throw new CliError(exitCodes.auth, error.message, "Is there such a person? alice, bob, carol", {
      cause: error,
    });
  }
}
