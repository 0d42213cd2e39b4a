import http from "node:http";
import * as oauth from "oauth4webapi";
import { CliError, exitCodes } from "./cli-error.ts";

/** The command line's own client at every DIdP (durable-objects/registry/built-in-clients.ts). */
const CLIENT: oauth.Client = { client_id: "a-edgenym-command-line-A" };
const SCOPE = "me:*";

/** What an owner's tool holds. */
export interface OwnerTokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expiresInSeconds: number;
  /** `ws(s)://…/mqtt/{route}`. */
  readonly gatewayUri: string;
}

/**
 * Lets the owner log in at the DIdP and agree that this command line acts for them: authorization code with PKCE
 * and a loopback redirect (RFC 8252).
 *
 * @param visit takes the address of the authorization request and comes back with the address that the browser was
 *   sent to in the end; it gets the redirect URI to wait at.
 * @param gateway for which the tokens are to be; the DIdP's own if left out.
 * @throws CliError 3 when the owner said no.
 */
export async function logInAsOwner(
  didp: string,
  redirectUri: string,
  visit: (authorizationUrl: URL) => Promise<URL>,
  gateway?: string,
): Promise<OwnerTokens> {
  const { server, options } = await discover(didp);
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const url = new URL(server.authorization_endpoint ?? "");
  url.search = new URLSearchParams({
    response_type: "code",
    client_id: CLIENT.client_id,
    redirect_uri: redirectUri,
    scope: SCOPE,
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...(gateway === undefined ? {} : { resource: gateway }),
  }).toString();
  try {
    const callback = oauth.validateAuthResponse(server, CLIENT, await visit(url), state);
    const answer = await oauth.processAuthorizationCodeResponse(
      server,
      CLIENT,
      await oauth.authorizationCodeGrantRequest(
        server,
        CLIENT,
        oauth.None(),
        callback,
        redirectUri,
        verifier,
        options,
      ),
    );
    return {
      accessToken: answer.access_token,
      refreshToken: String(answer.refresh_token),
      expiresInSeconds: Number(answer.expires_in),
      gatewayUri: String(answer.gateway_uri),
    };
  } catch (error) {
    if (error instanceof oauth.AuthorizationResponseError) {
      throw new CliError(exitCodes.auth, `the DIdP answered ${error.error}`, undefined, { cause: error });
    }
    throw error;
  }
}

/** Ends what the owner agreed to, at the DIdP (RFC 7009): the tokens are worth nothing afterwards. */
export async function endOwnerAccess(didp: string, { refreshToken }: OwnerTokens): Promise<void> {
  const { server, options } = await discover(didp);
  const response = await oauth.revocationRequest(server, CLIENT, oauth.None(), refreshToken, options);
  await oauth.processRevocationResponse(response);
}

/** The DIdP's metadata (RFC 8414), and what every request to it takes. */
async function discover(didp: string) {
  const issuer = new URL(didp);
  const options = { [oauth.allowInsecureRequests]: issuer.protocol === "http:" };
  const answer = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...options });
  return { server: await oauth.processDiscoveryResponse(issuer, answer), options };
}

/** A page on this machine that a browser is sent back to, once. */
export interface LoopbackRedirect {
  readonly redirectUri: string;
  /** The address that the browser came with. */
  readonly arrived: Promise<URL>;
  close(): void;
}

/** Listens on a free port of 127.0.0.1. */
export async function listenForRedirect(): Promise<LoopbackRedirect> {
  const arrived = Promise.withResolvers<URL>();
  const server = http.createServer((request, response) => {
    const url = new URL(request.url ?? "/", redirectUri);
    if (url.pathname !== "/callback") {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" });
    response.end("Done. You can close this page and go back to the terminal.\n");
    arrived.resolve(url);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const redirectUri = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/callback`;
  return { redirectUri, arrived: arrived.promise, close: () => server.close() };
}
