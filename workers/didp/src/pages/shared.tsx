/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import type { Child, FC } from "hono/jsx";
import { Notice, Page, type PageLink } from "../../../http/page.tsx";

/** The navigation of a person who has logged in. */
export const personLinks: readonly PageLink[] = [
  { href: "/me/devices", text: "My devices" },
  { href: "/me/apps", text: "My apps" },
  { href: "/me/account", text: "My account" },
];

/** The synchroniser token of every form. */
export const Csrf: FC<{ readonly token: string }> = ({ token }) => (
  <input type="hidden" name="csrf" value={token} />
);

/** At the end of each page about a person. */
export const LogOut: FC<{ readonly csrf: string }> = ({ csrf }) => (
  <form method="post" action="/logout">
    <Csrf token={csrf} />
    <button type="submit" class="link" name="decision" value="logout">
      Log out
    </button>
  </form>
);

/** Something went wrong, in words that say what to do. */
export const ProblemPage: FC<{ readonly title: string; readonly message: string }> = ({ title, message }) => (
  <Page title={title}>
    <Notice kind="problem">
      <p>{message}</p>
    </Notice>
    <p>
      <a href="/">To the start page</a>
    </p>
  </Page>
);

/** Choosing a login. The login tells the DIdP a subject only, which becomes a random name at once. */
export const ChooseLoginPage: FC<{
  readonly uidps: readonly { readonly id: string; readonly name: string }[];
  readonly to: string;
  readonly why: string;
  /** The login has to be one just now, whatever the provider remembers. */
  readonly isAgain: boolean;
}> = ({ uidps, to, why, isAgain }) => (
  <Page title="Who is there?">
    <p class="lead">{why}</p>
    <div class="card">
      <h2>Choose a login that you have</h2>
      <p class="quiet">
        It tells Edgenym that it is you and nothing more: no name, no e-mail address. It does not learn which
        device or app this is about.
      </p>
      <ul class="plain">
        {uidps.map((uidp) => (
          <li>
            <form method="get" action={`/login/${uidp.id}`}>
              <input type="hidden" name="to" value={to} />
              {isAgain ? <input type="hidden" name="again" value="yes" /> : null}
              <button type="submit" class="primary">
                Log in with {uidp.name}
              </button>
            </form>
          </li>
        ))}
      </ul>
      <p>
        <a href="/recover">I have lost my login</a>
      </p>
    </div>
  </Page>
);

/** What was wrong with the last try, before anything else on the page. */
export const LastProblem: FC<{ readonly text: string | undefined }> = ({ text }) =>
  text === undefined ? null : (
    <Notice kind="problem">
      <p>{text}</p>
    </Notice>
  );

/** One code and a button: what is printed on a device, or stands behind `#` in a link, or was written down. */
export const CodeForm: FC<{
  readonly csrf: string;
  readonly action: string;
  readonly label: string;
  readonly hint: string;
  readonly submit: string;
  /** In capitals, as it is printed. */
  readonly isPrinted?: boolean;
  readonly isWrong?: boolean;
}> = ({ csrf, action, label, hint, submit, isPrinted = false, isWrong = false }) => (
  // `/claim.js` looks for these ids and fills in what the link brought along.
  <form method="post" action={action} id="claim">
    <Csrf token={csrf} />
    <label for="code">{label}</label>
    <p class="hint" id="code-hint">
      {hint}
    </p>
    <input
      type="text"
      id="code"
      name="code"
      required
      maxlength={60}
      autocomplete="off"
      spellcheck={false}
      aria-describedby="code-hint"
      {...(isPrinted ? { class: "code", autocapitalize: "characters" } : {})}
      {...(isWrong ? { "aria-invalid": "true" } : {})}
    />
    <div class="actions">
      <button type="submit" class="primary">
        {submit}
      </button>
    </div>
  </form>
);

/** A person's yes, which says what it does, and no, side by side. */
export const DecisionForm: FC<{
  readonly csrf: string;
  readonly action: string;
  readonly yes: string;
  readonly no: string;
  readonly children?: Child;
}> = ({ csrf, action, yes, no, children }) => (
  <form method="post" action={action}>
    <Csrf token={csrf} />
    {children}
    <div class="actions">
      <button type="submit" class="primary" name="decision" value="approve">
        {yes}
      </button>
      <button type="submit" name="decision" value="deny">
        {no}
      </button>
    </div>
  </form>
);
