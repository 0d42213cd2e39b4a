/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import { Hono } from "hono";
import { CodedError } from "../../../../engines/errors/coded-error.ts";
import { allowFormTargets } from "../../../http/security-headers.ts";
import { ensureSession, logIn, readOwnForm } from "../browser-session.ts";
import type { DidpApp } from "../didp-app.ts";
import type { LinkedLogin } from "../env.ts";
import { AccountPage, RecoveryCodesPage } from "../pages/account-pages.tsx";
import { RecoveryPage } from "../pages/login-pages.tsx";
import { registryFor } from "../registries.ts";
import { networkOf } from "../requests.ts";
import { beginLogin } from "../uidp/flow.tsx";
import { formTargetOf } from "../uidp/settings.ts";
import { personOf, uidpOf } from "./login.tsx";
import { freshForm } from "./person.tsx";

/**
 * A person's own logins and recovery codes (IDENTITY.md §2.H, last row). Whatever changes who can come in wants a
 * fresh login: whoever finds a browser that was left open must not be able to stay.
 */
export const account = new Hono<DidpApp>();

const PATH = "/me/account";
const RECOVERIES_A_MINUTE = 5;

/** What a redirect back to the account page may say; anything else in the URL says nothing. */
const notices: Readonly<Record<string, { kind: "info" | "problem"; text: string }>> = {
  linked: { kind: "info", text: "The login was added. It leads here from now on." },
  "linked-already": { kind: "info", text: "That login leads here already." },
  taken: {
    kind: "problem",
    text: "That login leads to another account here. Two accounts cannot be made one; delete the other one first.",
  },
  removed: { kind: "info", text: "The login was removed." },
  last: { kind: "problem", text: "The last login cannot be removed. Add another one first." },
  recovered: {
    kind: "info",
    text: "You are in. Add a login now, so that you can come back; that code is used up.",
  },
};

account.get(PATH, async (c) => {
  const session = await personOf(c, PATH, "Your account is shown to you alone.");
  if (session instanceof Response) return session;
  const { uidps } = c.var.config;
  const [logins, codesLeft]: [readonly LinkedLogin[], number] = await Promise.all([
    c.env.PSEUDONYMISER.logins(
      session.anon,
      uidps.map((uidp) => uidp.id),
    ),
    c.env.PSEUDONYMISER.recoveryCodesLeft(session.anon),
  ]);
  allowFormTargets(c, uidps.flatMap(formTargetOf));
  const notice = Object.hasOwn(notices, c.req.query("done") ?? "")
    ? notices[c.req.query("done") ?? ""]
    : undefined;
  return c.html(
    <AccountPage
      csrf={session.csrf}
      logins={logins.map((login) => ({
        reference: login.reference,
        name: uidps.find((uidp) => uidp.id === login.uidpId)?.name ?? "a login that is not offered any more",
        since: new Date(login.sinceMs).toISOString().slice(0, 7),
      }))}
      uidps={uidps}
      codesLeft={codesLeft}
      {...(notice === undefined ? {} : { notice })}
    />,
  );
});

account.post(`${PATH}/logins/:uidp`, async (c) => {
  const session = await freshForm(c, "add", PATH);
  if (session instanceof Response) return session;
  return beginLogin(c, uidpOf(c, c.req.param("uidp")), "link", PATH);
});

account.post(`${PATH}/logins/:reference/remove`, async (c) => {
  const session = await freshForm(c, "remove", PATH);
  if (session instanceof Response) return session;
  const isGone = await c.env.PSEUDONYMISER.unlink(session.anon, c.req.param("reference"));
  return c.redirect(`${PATH}?done=${isGone ? "removed" : "last"}`, 303);
});

account.post(`${PATH}/recovery-codes`, async (c) => {
  const session = await freshForm(c, "renew", PATH);
  if (session instanceof Response) return session;
  return c.html(<RecoveryCodesPage codes={await c.env.PSEUDONYMISER.renewRecoveryCodes(session.anon)} />);
});

account.get("/recover", async (c) => {
  const session = await ensureSession(c);
  return c.html(<RecoveryPage csrf={session.csrf} />);
});

account.post("/recover", async (c) => {
  const { session, form } = await readOwnForm(c);
  const network = await networkOf(c);
  const wait = await registryFor(c.env, network)?.takeAttempt(
    `recover:${network}`,
    RECOVERIES_A_MINUTE,
    60_000,
  );
  if (wait !== 0) {
    c.header("retry-after", String(wait ?? 60));
    return c.html(<RecoveryPage csrf={session.csrf} problem="Too many tries. Wait a minute." />, 429);
  }
  const anon = await c.env.PSEUDONYMISER.recover(form.get("code") ?? "");
  if (anon === undefined) {
    return c.html(<RecoveryPage csrf={session.csrf} problem="This code opens nothing, or was used." />, 403);
  }
  // Who has a code has shown to be the person.
  if (!(await logIn(c, session, { anon, provedMs: Date.now() }))) {
    throw new CodedError("FORBIDDEN", "Your session has ended meanwhile. Begin again with another code.");
  }
  return c.redirect(`${PATH}?done=recovered`, 303);
});
