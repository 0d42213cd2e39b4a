/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import { CodedError } from "../../../../engines/errors/coded-error.ts";
import { randomSecret } from "../../../../engines/oauth/key-ring.ts";
import { type BrowserSession, ensureSession, isLoggedIn, logIn } from "../browser-session.ts";
import type { DidpContext } from "../didp-app.ts";
import { PasswordPage } from "../pages/login-pages.tsx";
import { registry } from "../registries.ts";
import { loginAt } from "./logins.ts";
import { canProve, type Uidp } from "./settings.ts";
import type { Answer, Confirmed } from "./uidp-login.ts";

/**
 * What a login is for: to come in; to come in with the provider's word that the person is there just now; or to be
 * added to the person who is in already.
 */
export type Purpose = "login" | "again" | "link";

/** Begins a login: a redirect to the provider, or our own form for a directory's name and password. */
export async function beginLogin(
  c: DidpContext,
  uidp: Uidp,
  purpose: Purpose,
  continuePath: string,
  problem?: string,
): Promise<Response> {
  const session = await ensureSession(c);
  const state = randomSecret();
  await registry(c.env, session.shard).beginLogin(await stateHash(c, purpose, state), {
    sessionHash: session.hash,
    uidp: uidp.id,
    continuePath,
  });
  const begun = await (await loginAt(c.var.config, uidp)).begin(state, purpose === "again");
  if (begun.kind === "redirect") return c.redirect(begun.url.href, 303);
  return c.html(
    <PasswordPage
      csrf={session.csrf}
      action={`/login/${uidp.id}`}
      name={uidp.name}
      state={state}
      {...(problem === undefined ? {} : { problem })}
    />,
    problem === undefined ? 200 : 403,
  );
}

/**
 * Ends a login that this browser began here with this state: as the person's session, or as a login more.
 * @throws CodedError `FORBIDDEN` for any other state, and if the provider did not confirm who it was
 */
export async function finishLogin(
  c: DidpContext,
  uidp: Uidp,
  session: BrowserSession | undefined,
  state: string,
  answer: Answer,
): Promise<Response> {
  const begun = await takeBegun(c, uidp, session, state);
  return conclude(c, uidp, begun, await (await loginAt(c.var.config, uidp)).finish(answer, state));
}

/** As `finishLogin`, for our own form: a wrong name or password asks again, with a new state. */
export async function finishPasswordLogin(
  c: DidpContext,
  uidp: Uidp,
  session: BrowserSession,
  state: string,
  answer: Answer,
): Promise<Response> {
  const begun = await takeBegun(c, uidp, session, state);
  let confirmed: Confirmed;
  try {
    confirmed = await (await loginAt(c.var.config, uidp)).finish(answer, state);
  } catch (error) {
    if (!(error instanceof CodedError) || error.code !== "FORBIDDEN") throw error;
    return beginLogin(c, uidp, begun.purpose, begun.continuePath, "That name and password do not fit.");
  }
  return conclude(c, uidp, begun, confirmed);
}

async function conclude(
  c: DidpContext,
  uidp: Uidp,
  begun: Begun,
  { subject, authenticatedMs }: Confirmed,
): Promise<Response> {
  if (begun.purpose === "link") {
    if (!isLoggedIn(begun.session)) throw new CodedError("FORBIDDEN", "Log in first.");
    const outcome = await c.env.PSEUDONYMISER.link(begun.session.anon, uidp.id, subject);
    return c.redirect(`${begun.continuePath}?done=${outcome}`, 303);
  }
  let provedMs = authenticatedMs;
  if (begun.purpose === "again") {
    // What was asked for stood in a URL that the browser could change; what counts is what came back.
    const isProved = authenticatedMs !== undefined && authenticatedMs >= begun.begunMs - CLOCK_SKEW_MS;
    if (!isProved && canProve(uidp)) {
      throw new CodedError("FORBIDDEN", "The login did not make sure again that it is you. Try once more.");
    }
    provedMs = Date.now();
  }
  const anon = await c.env.PSEUDONYMISER.resolve(uidp.id, subject);
  if (!(await logIn(c, begun.session, { anon, provedMs }))) {
    throw new CodedError("FORBIDDEN", "Your session has ended meanwhile. Begin again.");
  }
  return c.redirect(begun.continuePath, 303);
}

/** How far a provider's clock may be behind ours. */
const CLOCK_SKEW_MS = 30_000;

interface Begun {
  readonly begunMs: number;
  readonly purpose: Purpose;
  readonly continuePath: string;
  readonly session: BrowserSession;
}

/** A login that this browser did not begin, at this provider, in the last ten minutes, is nobody's. */
async function takeBegun(
  c: DidpContext,
  uidp: Uidp,
  session: BrowserSession | undefined,
  state: string,
): Promise<Begun> {
  for (const purpose of ["login", "again", "link"] as const) {
    if (session === undefined) break;
    const hash = await stateHash(c, purpose, state);
    const taken = await registry(c.env, session.shard).takeLogin(hash, session.hash, uidp.id);
    if (taken !== undefined) return { purpose, ...taken, session };
  }
  throw new CodedError("FORBIDDEN", "This login was not begun here, or took too long. Begin again.");
}

/** The purpose is in the hash: a login begun for one of them is never taken for the other. */
function stateHash(c: DidpContext, purpose: Purpose, state: string): Promise<string> {
  return c.var.config.keys.hash(`${purpose}-state`, state);
}
