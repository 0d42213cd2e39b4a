/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import { Hono } from "hono";
import { isBuiltIn } from "../../../../durable-objects/registry/built-in-clients.ts";
import type { Client } from "../../../../durable-objects/registry/clients.ts";
import type { Interaction } from "../../../../durable-objects/registry/sessions.ts";
import { CodedError } from "../../../../engines/errors/coded-error.ts";
import {
  type AuthorizationRequest,
  readAuthorizationRequest,
} from "../../../../engines/oauth/authorization-request.ts";
import { isClientIdUrl } from "../../../../engines/oauth/client-id-url.ts";
import { longestMs } from "../../../../engines/oauth/iot-access.ts";
import { randomSecret } from "../../../../engines/oauth/key-ring.ts";
import { asOAuthError, OAuthError, type OAuthErrorCode } from "../../../../engines/oauth/oauth-error.ts";
import {
  type Parameters,
  readSentParameters,
  refuseRepeated,
  required,
  type SentParameters,
} from "../../../../engines/oauth/parameters.ts";
import { matchesRedirectUri, originOf } from "../../../../engines/oauth/redirect-uri.ts";
import { randomInShard, shardOfBytes } from "../../../../engines/oauth/shard.ts";
import { allowFormTargets } from "../../../http/security-headers.ts";
import {
  type BrowserSession,
  ensureSession,
  findSession,
  isLoggedIn,
  readOwnForm,
} from "../browser-session.ts";
import { authenticateApp, readCaller } from "../client-authentication.ts";
import { refreshClientDocument } from "../client-documents.ts";
import type { DidpApp, DidpContext } from "../didp-app.ts";
import { readProof } from "../dpop.ts";
import { oauthAnswer, oauthErrorAnswer } from "../oauth-answers.ts";
import { ConsentPage, SendBackPage } from "../pages/consent-page.tsx";
import { OwnerToolPage } from "../pages/owner-tool-page.tsx";
import { registry, registryFor, registryForClient } from "../registries.ts";
import { readForm, readFormText } from "../requests.ts";
import { askAgain, chooseLogin } from "./login.tsx";

/** The authorization endpoint, pushed requests, and the two pages' way there and back (IDENTITY.md §2.F). */
export const authorization = new Hono<DidpApp>();

const REQUEST_URI = "urn:ietf:params:oauth:request_uri:";
/** Longer details belong into a pushed request, out of URLs. */
const MOST_DETAILS_IN_URL = 2048;

/** Which client, and where to: a mistake here is told to the person and nobody else. */
const ADDRESSING = ["client_id", "redirect_uri", "request_uri"];

type AuthorizeInteraction = Interaction & { kind: "authorize" };

authorization.post("/par", async (c) => {
  try {
    const parameters = await readForm(c);
    if (parameters.has("request_uri")) {
      throw new OAuthError("invalid_request", "request_uri: not in a pushed request.");
    }
    const caller = await readCaller(c, parameters);
    if (isClientIdUrl(caller.oauthClientId)) await refreshClientDocument(c, caller.oauthClientId);
    const client = await authenticateApp(c, caller);
    const redirectUri = checkRedirectUri(client, parameters);
    checkHolder(client, readAuthorizationRequest(parameters, redirectUri, c.var.config.gateways));
    const kept = new Map(parameters);
    for (const name of ["client_assertion", "client_assertion_type"]) kept.delete(name);
    kept.set("client_id", client.oauthClientId);
    // RFC 9449 §10.1: a proof here binds the code like dpop_jkt, and may not contradict it.
    const thumbprint = await readProof(c);
    if (thumbprint !== undefined) {
      if ((kept.get("dpop_jkt") ?? thumbprint) !== thumbprint) {
        throw new OAuthError("invalid_dpop_proof", "The proof is of another key than dpop_jkt.");
      }
      kept.set("dpop_jkt", thumbprint);
    }
    const pushed = await keepRequest(c, client, kept);
    return oauthAnswer(c, { request_uri: pushed.requestUri, expires_in: pushed.seconds }, 201);
  } catch (error) {
    return oauthErrorAnswer(c, error);
  }
});

authorization.get("/authorize", async (c) => {
  const sent = readSentParameters(new URL(c.req.url).search);
  refuseRepeated(sent, ADDRESSING);
  const client = await appOf(c, required(sent.parameters, "client_id"));
  const isPushed = sent.parameters.has("request_uri");
  const parameters = isPushed
    ? await takePushed(c, client, required(sent.parameters, "request_uri"))
    : sent.parameters;
  // Until here an error may not be sent anywhere: nobody has vouched for the redirect URI.
  const redirectUri = checkRedirectUri(client, parameters);
  try {
    if (!isPushed) checkMayBePlain(client, sent, MOST_DETAILS_IN_URL);
    const request = readAuthorizationRequest(parameters, redirectUri, c.var.config.gateways);
    checkHolder(client, request);
    return await begin(c, client, request);
  } catch (error) {
    return sendBackEarly(c, client, redirectUri, parameters.get("state"), asOAuthError(error).error);
  }
});

/**
 * The same as a form (OpenID Connect Core §3.1.2.1). Such a POST comes from the app's site, so the browser leaves our
 * cookie (`SameSite=Lax`) at home: the request is kept as a pushed one is, and the GET that follows has the cookie and
 * does everything else. Nothing is decided or begun here, so there is nothing to forge.
 */
authorization.post("/authorize", async (c) => {
  const sent = readSentParameters(await readFormText(c));
  refuseRepeated(sent, ADDRESSING);
  const { parameters } = sent;
  const client = await appOf(c, required(parameters, "client_id"));
  const alreadyPushed = parameters.get("request_uri");
  if (alreadyPushed !== undefined) return goTo(c, client, alreadyPushed);
  const redirectUri = checkRedirectUri(client, parameters);
  try {
    checkMayBePlain(client, sent, Infinity);
    checkHolder(client, readAuthorizationRequest(parameters, redirectUri, c.var.config.gateways));
    return goTo(c, client, (await keepRequest(c, client, parameters)).requestUri);
  } catch (error) {
    return sendBackEarly(c, client, redirectUri, parameters.get("state"), asOAuthError(error).error);
  }
});

authorization.get("/authorize/continue", async (c) => {
  const id = c.req.query("i") ?? "";
  const session = await findSession(c);
  if (!isLoggedIn(session)) throw expired();
  const interaction = await interactionOf(c, session, id);
  const { request, ticketHash } = interaction;
  const result =
    ticketHash === undefined
      ? undefined
      : await registryFor(c.env, session.anon)?.finishConsent(ticketHash, session.anon, interaction.policy);
  if (result === undefined) throw expired();
  await registry(c.env, session.shard).takeInteraction(id, session.hash);
  return result.kind === "denied"
    ? redirectError(c, request.redirectUri, request.state, "access_denied")
    : redirectBack(c, request.redirectUri, request.state, { code: result.code });
});

authorization.get("/authorize/:id", async (c) => {
  const id = c.req.param("id");
  const session = await findSession(c);
  if (session === undefined) throw expired();
  const interaction = await interactionOf(c, session, id);
  const path = `/authorize/${id}`;
  if (!isLoggedIn(session)) {
    const why = `${interaction.appName} asks for access to devices of yours.`;
    return chooseLogin(c, path, why, (interaction.loginAfterMs ?? 0) > 0);
  }
  if (mustShow(interaction, session)) {
    return askAgain(c, session, path, `${interaction.appName} wants you to log in before it asks.`);
  }
  const { request } = interaction;
  allowFormTargets(c, [request.gateway, request.redirectUri]);
  if (request.holder === "owner") {
    return c.html(
      <OwnerToolPage csrf={session.csrf} action={`/authorize/${id}`} toolName={interaction.appName} />,
    );
  }
  return c.html(
    <ConsentPage
      csrf={session.csrf}
      action={`/authorize/${id}`}
      appName={interaction.appName}
      appOrigin={originOf(request.redirectUri)}
      access={request.access}
      endsOn={dayOf(Date.now() + longestMs(request.access))}
    />,
  );
});

authorization.post("/authorize/:id", async (c) => {
  const id = c.req.param("id");
  const { session, form } = await readOwnForm(c);
  const interaction = await interactionOf(c, session, id);
  if (!isLoggedIn(session) || mustShow(interaction, session)) return c.redirect(`/authorize/${id}`, 303);
  const { request, appName } = interaction;
  const home = registry(c.env, session.shard);
  if (form.get("decision") !== "approve") {
    await home.takeInteraction(id, session.hash);
    return redirectError(c, request.redirectUri, request.state, "access_denied");
  }
  const authenticatedMs = request.maxAgeSeconds === undefined ? undefined : session.provedMs;
  const ticket = await registryFor(c.env, session.anon)?.openConsent({
    anon: session.anon,
    appName,
    appOrigin: originOf(request.redirectUri),
    request,
    returnUri: `${c.var.config.issuer}/authorize/continue?i=${id}`,
    consentEndsMs: Date.now() + longestMs(request.access),
    ...(authenticatedMs === undefined ? {} : { authenticatedMs }),
  });
  if (ticket === undefined) throw expired();
  const ticketHash = await c.var.config.keys.hash("ticket", ticket);
  await home.putInteraction(id, session.hash, { ...interaction, ticketHash });
  if (request.holder === "owner") {
    // Everything is the owner's already: there is nothing to select.
    await registryFor(c.env, session.anon)?.concludeConsent(request.gateway, ticket, "approved");
    return c.redirect(`/authorize/continue?i=${id}`, 303);
  }
  return c.redirect(`${request.gateway}/consent/${ticket}`, 303);
});

async function begin(
  c: DidpContext,
  client: Client & { kind: "app" },
  request: AuthorizationRequest,
): Promise<Response> {
  // Each consent chooses devices anew, so there is nothing that could go on without the person.
  if (request.prompt === "none") {
    const isHere = isLoggedIn(await findSession(c));
    throw new OAuthError(isHere ? "consent_required" : "login_required", "prompt=none cannot be met.");
  }
  const session = await ensureSession(c);
  const id = randomSecret(16);
  const interaction: Interaction = {
    kind: "authorize",
    request: { ...request, oauthClientId: client.oauthClientId },
    appName: client.metadata.clientName,
    policy: client.metadata.authMethod === "none" ? "public" : "confidential",
    loginAfterMs: loginAfter(request, Date.now()),
  };
  await registry(c.env, session.shard).putInteraction(id, session.hash, interaction);
  return c.redirect(`/authorize/${id}`, 303);
}

/** Whether the app insists on a login that has not been yet. */
function mustShow(interaction: AuthorizeInteraction, session: BrowserSession): boolean {
  return (interaction.loginAfterMs ?? 0) > (session.provedMs ?? 0);
}

/** Since when the person must have shown to be there (OpenID Connect Core §3.1.2.1); 0: whenever. */
function loginAfter({ prompt, maxAgeSeconds }: AuthorizationRequest, nowMs: number): number {
  if (prompt === "login") return nowMs;
  // At least 1: it has to be known when it was, however long ago that may be.
  return maxAgeSeconds === undefined ? 0 : Math.max(1, nowMs - maxAgeSeconds * 1000);
}

async function appOf(c: DidpContext, oauthClientId: string): Promise<Client & { kind: "app" }> {
  if (isClientIdUrl(oauthClientId)) await refreshClientDocument(c, oauthClientId);
  const client: Client | undefined = await registryForClient(c.env, oauthClientId)?.client(oauthClientId);
  if (client?.kind !== "app" || !client.isActive) {
    throw new CodedError("BAD_REQUEST", "The app that sent you here is not known.");
  }
  return client;
}

function checkRedirectUri(client: Client & { kind: "app" }, parameters: Parameters): string {
  const { redirectUris, applicationType } = client.metadata;
  const presented = parameters.get("redirect_uri");
  if (presented === undefined || !matchesRedirectUri(redirectUris, presented, applicationType)) {
    throw new OAuthError(
      "invalid_request",
      "The app sent an address to return to that it has not registered.",
    );
  }
  return presented;
}

/** @param mostDetails characters of `authorization_details` */
function checkMayBePlain(client: Client & { kind: "app" }, sent: SentParameters, mostDetails: number): void {
  refuseRepeated(sent);
  if (client.metadata.authMethod !== "none") {
    throw new OAuthError("invalid_request", "A client with a credential pushes its requests (PAR).");
  }
  if ((sent.parameters.get("authorization_details")?.length ?? 0) > mostDetails) {
    throw new OAuthError(
      "invalid_request",
      "authorization_details: too long for a URL, push the request (PAR).",
    );
  }
}

/** @throws OAuthError `invalid_scope`: only the product's own tools act for the owner, and they do nothing else. */
function checkHolder(client: Client & { kind: "app" }, request: AuthorizationRequest): void {
  if ((request.holder === "owner") !== isBuiltIn(client.oauthClientId)) {
    throw new OAuthError("invalid_scope", "scope: not for this client.");
  }
}

/** Keeps a request until the browser comes with its address. @returns that and how long it is good */
async function keepRequest(
  c: DidpContext,
  client: Client & { kind: "app" },
  parameters: Parameters,
): Promise<{ requestUri: string; seconds: number | undefined }> {
  const handle = randomInShard(shardOfBytes(crypto.getRandomValues(new Uint8Array(1))), 32);
  const seconds = await registryForClient(c.env, client.oauthClientId)?.pushRequest(
    await c.var.config.keys.hash("pushed-request", handle),
    client.oauthClientId,
    JSON.stringify([...parameters]),
  );
  return { requestUri: `${REQUEST_URI}${handle}`, seconds };
}

function goTo(c: DidpContext, client: Client & { kind: "app" }, requestUri: string): Response {
  const query = new URLSearchParams({ client_id: client.oauthClientId, request_uri: requestUri });
  return c.redirect(`/authorize?${query}`, 303);
}

async function takePushed(
  c: DidpContext,
  client: Client & { kind: "app" },
  requestUri: string,
): Promise<Parameters> {
  const handle = requestUri.startsWith(REQUEST_URI) ? requestUri.slice(REQUEST_URI.length) : "";
  const kept = await registryForClient(c.env, client.oauthClientId)?.takeRequest(
    await c.var.config.keys.hash("pushed-request", handle),
    client.oauthClientId,
  );
  if (kept === undefined)
    throw new CodedError("BAD_REQUEST", "The app's request has expired. Begin again in the app.");
  return new Map(JSON.parse(kept) as [string, string][]); // written by `POST /par`
}

async function interactionOf(
  c: DidpContext,
  session: BrowserSession,
  id: string,
): Promise<AuthorizeInteraction> {
  const found: Interaction | undefined = await registry(c.env, session.shard).interaction(id, session.hash);
  if (found?.kind !== "authorize") throw expired();
  return found;
}

/** RFC 9207: every answer to an app says who gives it. */
function redirectBack(
  c: DidpContext,
  redirectUri: string,
  state: string | undefined,
  answer: Readonly<Record<string, string>>,
): Response {
  return c.redirect(answerUrl(c, redirectUri, state, answer), 303);
}

function answerUrl(
  c: DidpContext,
  redirectUri: string,
  state: string | undefined,
  answer: Readonly<Record<string, string>>,
): string {
  const url = new URL(redirectUri);
  for (const [name, value] of Object.entries(answer)) url.searchParams.set(name, value);
  if (state !== undefined) url.searchParams.set("state", state);
  url.searchParams.set("iss", c.var.config.issuer);
  return url.href;
}

/**
 * An error before any person was asked. Anybody can register any address here, so going there by itself would make
 * this server one that leads wherever somebody likes (RFC 9700 §4.11.2): people are shown where, and go if they want.
 * On one's own machine there is nothing to be led to.
 */
function sendBackEarly(
  c: DidpContext,
  client: Client & { kind: "app" },
  redirectUri: string,
  state: string | undefined,
  error: OAuthErrorCode,
): Response | Promise<Response> {
  if (!redirectUri.startsWith("https:")) return redirectError(c, redirectUri, state, error);
  const href = answerUrl(c, redirectUri, state, { error });
  c.status(400);
  return c.html(
    <SendBackPage appName={client.metadata.clientName} origin={originOf(redirectUri)} href={href} />,
  );
}

function redirectError(
  c: DidpContext,
  redirectUri: string,
  state: string | undefined,
  error: OAuthErrorCode,
): Response {
  return redirectBack(c, redirectUri, state, { error });
}

function expired(): CodedError {
  return new CodedError("NOT_FOUND", "This page has expired. Begin again in the app.");
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
