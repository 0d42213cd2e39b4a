import { createHash } from "node:crypto";
import http from "node:http";
import type { JWK } from "jose";
import { type Configuration, Provider } from "oidc-provider";
import { LocalLoginStore } from "./local-login-store.ts";
import { type DemoPerson, demoPeople, findPerson, findSubject } from "./people.ts";

/** What the local login needs to know of its one client, the DIdP. */
export interface LocalLoginOptions {
  readonly port: number;
  readonly redirectUri: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** A private JWK, so that a restart changes no key. */
  readonly signingKey: JWK;
  readonly cookieKey: string;
}

/** A running local login. */
export interface LocalLogin {
  readonly issuer: string;
  close(): Promise<void>;
}

/**
 * An OpenID Connect provider for development, with the demo people and no passwords. It stands for the login
 * that people already have; it is the one place that knows who they are.
 */
export async function startLocalLogin(options: LocalLoginOptions): Promise<LocalLogin> {
  const issuer = `http://127.0.0.1:${options.port}`;
  const provider = new Provider(issuer, configuration(options));
  const answer = provider.callback();
  const server = http.createServer((request, response) => {
    const interaction = /^\/login\/([\w-]+)$/.exec(new URL(request.url ?? "/", issuer).pathname);
    const done = interaction
      ? loginPage(provider, request, response)
      : Promise.resolve(answer(request, response));
    done.catch(() => {
      if (!response.headersSent) response.writeHead(400, { "content-type": "text/plain" });
      response.end("This login is no longer open. Go back and start again.");
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, "127.0.0.1", resolve);
  });
  return {
    issuer,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function configuration(options: LocalLoginOptions): Configuration {
  return {
    adapter: LocalLoginStore,
    clients: [
      {
        client_id: options.clientId,
        client_secret: options.clientSecret,
        redirect_uris: [options.redirectUri],
        response_types: ["code"],
        grant_types: ["authorization_code"],
        id_token_signed_response_alg: "ES256",
        require_auth_time: true,
      },
    ],
    jwks: { keys: [options.signingKey] },
    cookies: {
      keys: [options.cookieKey],
      names: { session: "uidp-session", interaction: "uidp-login", resume: "uidp-resume" },
    },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, interaction) => `/login/${interaction.uid}` },
    claims: { openid: ["sub"], email: ["email"], profile: ["name"] },
    findAccount: (_, subject) => {
      const person = findSubject(subject);
      if (person === undefined) return undefined;
      return { accountId: subject, claims: () => ({ sub: subject, email: person.email, name: person.name }) };
    },
    // The one client belongs to the same demo, so nobody is asked whether it may know that they logged in.
    loadExistingGrant: async (ctx) => {
      const { client, session, provider } = ctx.oidc;
      if (client === undefined || session?.accountId === undefined) return undefined;
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope("openid");
      await grant.save();
      return grant;
    },
    ttl: { Session: 300, Interaction: 600, Grant: 600, AccessToken: 60, IdToken: 60, AuthorizationCode: 60 },
    rotateRefreshToken: false,
  };
}

async function loginPage(
  provider: Provider,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  if (request.method === "POST") {
    const person = findPerson(new URLSearchParams(await bodyOf(request)).get("login") ?? "");
    if (person !== undefined) {
      await provider.interactionFinished(request, response, {
        login: { accountId: person.subject, remember: false },
      });
      return;
    }
  }
  await provider.interactionDetails(request, response); // throws unless this browser began this login
  response.writeHead(200, {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": `default-src 'none'; style-src 'sha256-${styleHash}'; img-src data:; frame-ancestors 'none'`,
  });
  response.end(page(demoPeople));
}

function bodyOf(request: http.IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => {
      body += chunk;
      if (body.length > 4096) reject(new Error("body too large"));
    });
    request.on("end", () => resolve(body));
    request.on("error", reject);
  });
}

const style = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 26rem; padding: 3rem 1.25rem; }
h1 { font-size: 1.4rem; }
form { display: grid; gap: .75rem; }
button { font: inherit; padding: .75rem 1rem; text-align: left; border: 1px solid #767676; border-radius: .5rem;
  background: Canvas; color: CanvasText; cursor: pointer; }
button:hover { border-color: currentColor; }
:focus-visible { outline: 3px solid #2563eb; outline-offset: 2px; }
`;
const styleHash = createHash("sha256").update(style).digest("base64");

function page(people: readonly DemoPerson[]): string {
  const buttons = people
    .map((person) => `<button name="login" value="${person.login}">${person.name}</button>`)
    .join("\n");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Demo login</title><link rel="icon" href="data:,"><style>${style}</style></head>
<body><main><h1>Demo login</h1>
<p>This page stands for a login that people already have, such as an employer's or a school's. Who are you?</p>
<form method="post">${buttons}</form>
<p>Edgenym learns only that somebody logged in, under a number that it turns into a random one at once.</p></main></body></html>`;
}
