import { getCookie, setCookie } from "hono/cookie";
import type { ProvedLogin, Session } from "../../../durable-objects/registry/sessions.ts";
import { CodedError } from "../../../engines/errors/coded-error.ts";
import { base64url } from "../../../engines/oauth/base64url.ts";
import { equalSecrets, randomSecret } from "../../../engines/oauth/key-ring.ts";
import type { Parameters } from "../../../engines/oauth/parameters.ts";
import { randomInShard, type Shard, shardOf } from "../../../engines/oauth/shard.ts";
import type { DidpContext } from "./didp-app.ts";
import { registry } from "./registries.ts";
import { readForm } from "./requests.ts";

/** One person's browser, by its cookie. */
export interface BrowserSession extends Session {
  readonly hash: string;
  readonly shard: Shard;
  /** The synchroniser token that every form of this session carries. */
  readonly csrf: string;
}

/** A session in which somebody has logged in. */
export type LoggedIn = BrowserSession & { readonly anon: string };

/** The session of the cookie, or `undefined`. */
export async function findSession(c: DidpContext): Promise<BrowserSession | undefined> {
  const id = getCookie(c, c.var.config.cookieName);
  const shard = id?.length === 43 ? shardOf(id) : undefined;
  if (id === undefined || shard === undefined) return undefined;
  const hash = await c.var.config.keys.hash("session", id);
  const session: Session | undefined = await registry(c.env, shard).session(hash);
  return session === undefined ? undefined : { ...session, hash, shard, csrf: await csrfOf(c, id) };
}

/** The session of the cookie, or a new one with a new cookie. */
export async function ensureSession(c: DidpContext): Promise<BrowserSession> {
  const found = await findSession(c);
  if (found !== undefined) return found;
  const id = randomSecret();
  const shard = shardOf(id) as Shard; // 32 bytes have a first one
  const hash = await c.var.config.keys.hash("session", id);
  await registry(c.env, shard).openSession(hash);
  giveCookie(c, id);
  return {
    anon: undefined,
    loggedInMs: undefined,
    provedMs: undefined,
    hash,
    shard,
    csrf: await csrfOf(c, id),
  };
}

/** After a login: the same session under a new name. @returns `false` if it has ended meanwhile */
export async function logIn(c: DidpContext, session: BrowserSession, login: ProvedLogin): Promise<boolean> {
  const id = randomInShard(session.shard, 32);
  const hash = await c.var.config.keys.hash("session", id);
  if (!(await registry(c.env, session.shard).logIn(session.hash, hash, login))) return false;
  giveCookie(c, id);
  return true;
}

/**
 * The session and the form of a POST that comes from one of our own pages in this very session.
 * @throws CodedError `FORBIDDEN` for any other (cross-site request forgery)
 */
export async function readOwnForm(c: DidpContext): Promise<{ session: BrowserSession; form: Parameters }> {
  const origin = c.req.header("origin");
  const site = c.req.header("sec-fetch-site");
  if (origin !== undefined && origin !== new URL(c.var.config.issuer).origin) throw foreignForm();
  if (site !== undefined && site !== "same-origin") throw foreignForm();
  const session = await findSession(c);
  const form = await readForm(c);
  if (session === undefined || !equalSecrets(form.get("csrf") ?? "", session.csrf)) throw foreignForm();
  return { session, form };
}

export function isLoggedIn(session: BrowserSession | undefined): session is LoggedIn {
  return session?.anon !== undefined;
}

function foreignForm(): CodedError {
  return new CodedError("FORBIDDEN", "This form has expired. Go back, load the page again and repeat.");
}

function giveCookie(c: DidpContext, id: string): void {
  const { cookieName, isSecure } = c.var.config;
  // Lax, not Strict: people come here by links from apps and by redirects from their login.
  setCookie(c, cookieName, id, { httpOnly: true, sameSite: "Lax", secure: isSecure, path: "/" });
}

async function csrfOf(c: DidpContext, id: string): Promise<string> {
  return base64url(await c.var.config.keys.mac("session", "csrf", id));
}
