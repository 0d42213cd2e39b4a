/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import { Hono } from "hono";
import { CodedError } from "../../../../engines/errors/coded-error.ts";
import { randomSecret } from "../../../../engines/oauth/key-ring.ts";
import { readParameters } from "../../../../engines/oauth/parameters.ts";
import { allowFormTargets } from "../../../http/security-headers.ts";
import { ensureSession, findSession, isLoggedIn, logIn, readOwnForm } from "../browser-session.ts";
import type { DidpApp, DidpContext } from "../didp-app.ts";
import { ChooseLoginPage } from "../pages/shared.tsx";
import { registry } from "../registries.ts";
import { UidpLogin } from "../uidp-login.ts";

/** Logging in at one's own provider, and out of here. */
export const login = new Hono<DidpApp>();

login.get("/login", async (c) => {
  const to = readDestination(c.req.query("to"));
  return chooseLogin(c, to, "To go on, log in.");
});

login.get("/login/:uidp", async (c) => {
  const uidp = uidpOf(c);
  const to = readDestination(c.req.query("to"));
  const session = await ensureSession(c);
  const state = randomSecret();
  await registry(c.env, session.shard).beginLogin(await stateHash(c, state), {
    sessionHash: session.hash,
    uidp: uidp.id,
    continuePath: to,
  });
  return c.redirect((await new UidpLogin(c.var.config, uidp).authorizationUrl(state)).href, 303);
});

login.get("/callback/:uidp", async (c) => {
  const uidp = uidpOf(c);
  const url = new URL(c.req.url);
  const state = readParameters(url.search).get("state") ?? "";
  const session = await findSession(c);
  // A login that this browser did not begin, at this provider, in the last ten minutes, is nobody's.
  const begun =
    session === undefined
      ? undefined
      : await registry(c.env, session.shard).takeLogin(await stateHash(c, state), session.hash, uidp.id);
  if (session === undefined || begun === undefined) {
    throw new CodedError("FORBIDDEN", "This login was not begun here, or took too long. Begin again.");
  }
  const subject = await new UidpLogin(c.var.config, uidp).subject(url, state);
  const anon = await c.env.PSEUDONYMISER.resolve(uidp.id, subject);
  if (!(await logIn(c, session, anon))) {
    throw new CodedError("FORBIDDEN", "Your session has ended meanwhile. Begin again.");
  }
  return c.redirect(begun.continuePath, 303);
});

login.post("/logout", async (c) => {
  const { session } = await readOwnForm(c);
  await registry(c.env, session.shard).closeSession(session.hash);
  return c.redirect("/", 303);
});

/** The page that offers the logins, on the way to `to`. */
export async function chooseLogin(c: DidpContext, to: string, why: string): Promise<Response> {
  await ensureSession(c);
  // The forms here are answered by redirects to the logins.
  allowFormTargets(
    c,
    c.var.config.uidps.map((uidp) => uidp.issuer),
  );
  return c.html(<ChooseLoginPage uidps={c.var.config.uidps} to={to} why={why} />);
}

/** The session of a person, or the answer that asks to log in first. */
export async function personOf(c: DidpContext, to: string, why: string) {
  const session = await findSession(c);
  return isLoggedIn(session) ? session : chooseLogin(c, to, why);
}

/** Only our own pages: a login must not end anywhere else (open redirect). */
function readDestination(to: string | undefined): string {
  const isOurs = /^\/(?:(?:claim|authorize)\/[\w-]{22}|me\/(?:apps|devices))$/.test(to ?? "");
  return isOurs && to !== undefined ? to : "/me/devices";
}

function uidpOf(c: DidpContext) {
  const uidp = c.var.config.uidps.find((one) => one.id === c.req.param("uidp"));
  if (uidp === undefined) throw new CodedError("NOT_FOUND", "There is no such login here.");
  return uidp;
}

function stateHash(c: DidpContext, state: string): Promise<string> {
  return c.var.config.keys.hash("login-state", state);
}
