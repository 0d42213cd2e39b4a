/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import { Hono } from "hono";
import { CodedError } from "../../../../engines/errors/coded-error.ts";
import { base64url } from "../../../../engines/oauth/base64url.ts";
import { readParameters } from "../../../../engines/oauth/parameters.ts";
import { allowFormTargets } from "../../../http/security-headers.ts";
import { ensureSession, findSession, isLoggedIn, type LoggedIn, readOwnForm } from "../browser-session.ts";
import type { DidpApp, DidpContext } from "../didp-app.ts";
import type { LinkedLogin } from "../env.ts";
import { AskAgainPage, PassOnPage, passOnScript } from "../pages/login-pages.tsx";
import { ChooseLoginPage } from "../pages/shared.tsx";
import { registry, registryFor } from "../registries.ts";
import { networkOf, readForm } from "../requests.ts";
import { backChannelLogout } from "../uidp/back-channel-logout.ts";
import { beginLogin, finishLogin, finishPasswordLogin } from "../uidp/flow.tsx";
import { canProve, formTargetOf, type Uidp } from "../uidp/settings.ts";

/** Logging in at one's own provider, and out of here. */
export const login = new Hono<DidpApp>();

login.get("/login", async (c) => {
  const to = readDestination(c.req.query("to"));
  return chooseLogin(c, to, "To go on, log in.");
});

login.get("/login/:uidp", async (c) => {
  const to = readDestination(c.req.query("to"));
  const purpose = c.req.query("again") === undefined ? "login" : "again";
  return beginLogin(c, uidpOf(c, c.req.param("uidp")), purpose, to);
});

login.get("/callback/:uidp", async (c) => {
  const uidp = uidpOf(c, c.req.param("uidp"));
  const url = new URL(c.req.url);
  const state = readParameters(url.search).get("state") ?? "";
  return finishLogin(c, uidp, await findSession(c), state, { kind: "callback", url });
});

// A directory's name and password, from our own form.
login.post("/login/:uidp", async (c) => {
  const uidp = uidpOf(c, c.req.param("uidp"));
  const { session, form } = await readOwnForm(c);
  await limitPasswordTries(c, uidp, form.get("username") ?? "");
  return finishPasswordLogin(c, uidp, session, form.get("state") ?? "", { kind: "form", fields: form });
});

login.get("/saml/metadata", async (c) => {
  const { samlMetadata } = await import("../uidp/saml.ts");
  return c.body(samlMetadata(c.var.config), 200, { "content-type": "application/samlmetadata+xml" });
});

// From the provider's site: the session's cookie comes along only when our own page sends it once more. What
// ties it to this browser is the state, as with a callback; a form of our own (CSRF token) it cannot be.
login.post("/saml/acs", async (c) => {
  const fields = await readForm(c);
  const relayState = fields.get("RelayState") ?? "";
  const session = await findSession(c);
  if (session === undefined && fields.get("again") === undefined) {
    return c.html(<PassOnPage response={fields.get("SAMLResponse") ?? ""} relayState={relayState} />);
  }
  const [id = "", state = ""] = relayState.split(".");
  const uidp = uidpOf(c, id);
  if (uidp.protocol !== "saml") throw new CodedError("NOT_FOUND", "There is no such login here.");
  return finishLogin(c, uidp, session, state, { kind: "form", fields });
});

login.get("/saml/pass-on.js", (c) =>
  c.body(passOnScript, 200, {
    "content-type": "text/javascript; charset=utf-8",
    "cache-control": "public, max-age=3600",
  }),
);

// From the provider itself, without a browser (OpenID Connect Back-Channel Logout 1.0 §2.5, §2.8).
login.post("/logout/back-channel/:uidp", async (c) => {
  const uidp = uidpOf(c, c.req.param("uidp"));
  const token = (await readForm(c)).get("logout_token") ?? "";
  c.header("cache-control", "no-store");
  return (await backChannelLogout(c, uidp, token))
    ? c.body(null, 200)
    : c.json({ error: "invalid_request" }, 400);
});

login.post("/logout", async (c) => {
  const { session } = await readOwnForm(c);
  await registry(c.env, session.shard).closeSession(session.hash);
  return c.redirect("/", 303);
});

/** The page that offers the logins, on the way to `to`; `isAgain`: where a login that the provider remembers will not do. */
export async function chooseLogin(
  c: DidpContext,
  to: string,
  why: string,
  isAgain = false,
): Promise<Response> {
  await ensureSession(c);
  // The forms here are answered by redirects to the logins.
  allowFormTargets(c, c.var.config.uidps.flatMap(formTargetOf));
  return c.html(<ChooseLoginPage uidps={c.var.config.uidps} to={to} why={why} isAgain={isAgain} />);
}

/**
 * The page on which a person shows once more to be there, on the way to `to`: at a login that leads to this person,
 * which is made to ask again as far as it can be (IDENTITY.md §2.H, "fresh login").
 */
export async function askAgain(
  c: DidpContext,
  session: LoggedIn,
  to: string,
  why: string,
): Promise<Response> {
  const { uidps } = c.var.config;
  const ids = uidps.map((uidp) => uidp.id);
  const logins: readonly LinkedLogin[] = await c.env.PSEUDONYMISER.logins(session.anon, ids);
  const own = uidps.filter((uidp) => logins.some((login) => login.uidpId === uidp.id));
  const offered = own.length === 0 ? uidps : own;
  allowFormTargets(c, offered.flatMap(formTargetOf));
  return c.html(
    <AskAgainPage
      uidps={offered.map(({ id, name }) => ({ id, name, canProve: canProve(uidpOf(c, id)) }))}
      to={to}
      why={why}
    />,
  );
}

/** The session of a person, or the answer that asks to log in first. */
export async function personOf(c: DidpContext, to: string, why: string) {
  const session = await findSession(c);
  return isLoggedIn(session) ? session : chooseLogin(c, to, why);
}

/** Only our own pages: a login must not end anywhere else (open redirect). */
function readDestination(to: string | undefined): string {
  const isOurs = /^\/(?:(?:claim|authorize)\/[\w-]{22}|me\/(?:apps|devices|account)|mfr|dev)$/.test(to ?? "");
  return isOurs && to !== undefined ? to : "/me/devices";
}

/** @throws CodedError `NOT_FOUND` */
export function uidpOf(c: DidpContext, id: string | undefined): Uidp {
  const uidp = c.var.config.uidps.find((one) => one.id === id);
  if (uidp === undefined) throw new CodedError("NOT_FOUND", "There is no such login here.");
  return uidp;
}

/** Before the directory is asked: by network, and by the name that is tried, each under a keyed hash of the day. */
async function limitPasswordTries(c: DidpContext, uidp: Uidp, name: string): Promise<void> {
  const network = await networkOf(c);
  const day = Math.floor(Date.now() / (24 * 3600_000));
  const folded = name.normalize("NFKC").trim().toLowerCase();
  const person = base64url(
    (await c.var.config.keys.mac("rate", "login-name", uidp.id, folded, day)).slice(0, 12),
  );
  const waits = await Promise.all([
    registryFor(c.env, network)?.takeAttempt(`password:${network}`, 30, FIVE_MINUTES_MS),
    registryFor(c.env, person)?.takeAttempt(`password:${person}`, 10, FIVE_MINUTES_MS),
  ]);
  const wait = Math.max(...waits.map((seconds) => seconds ?? 0));
  if (wait === 0) return;
  c.header("retry-after", String(wait));
  throw new CodedError("TOO_MANY_REQUESTS", "Too many tries. Wait a few minutes.");
}

const FIVE_MINUTES_MS = 5 * 60_000;
