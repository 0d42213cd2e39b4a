/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import type { FC } from "hono/jsx";
import { Page } from "../../../http/page.tsx";
import { CodeForm, Csrf, LastProblem, personLinks } from "./shared.tsx";

/** Something that cannot be taken back, or lets somebody in: whoever sits here shows to be the person. */
export const AskAgainPage: FC<{
  readonly uidps: readonly { readonly id: string; readonly name: string; readonly canProve: boolean }[];
  readonly to: string;
  readonly why: string;
}> = ({ uidps, to, why }) => (
  <Page title="Is it still you?" links={personLinks}>
    <p class="lead">{why}</p>
    <div class="card">
      <ul class="plain">
        {uidps.map((uidp) => (
          <li>
            <form method="get" action={`/login/${uidp.id}`}>
              <input type="hidden" name="to" value={to} />
              <input type="hidden" name="again" value="yes" />
              <button type="submit" class="primary">
                Show at {uidp.name} that it is you
              </button>
            </form>
            {uidp.canProve ? null : (
              <p class="hint">
                {uidp.name} cannot be made to ask for your password again: whoever uses this browser while you
                are logged in there gets through. Do not leave it open, or add another login on My account.
              </p>
            )}
          </li>
        ))}
      </ul>
      <p>
        <a href="/recover">Use a recovery code instead</a>
      </p>
    </div>
  </Page>
);

/** Name and password of an organisation's directory; both go to the directory and stay nowhere. */
export const PasswordPage: FC<{
  readonly csrf: string;
  readonly action: string;
  readonly name: string;
  readonly state: string;
  readonly problem?: string;
}> = ({ csrf, action, name, state, problem }) => (
  <Page title={`Log in with ${name}`}>
    <LastProblem text={problem} />
    <div class="card">
      <p class="quiet">
        {name} checks your name and password. Edgenym passes them on, keeps neither, and gets back only that
        it is you.
      </p>
      <form method="post" action={action}>
        <Csrf token={csrf} />
        <input type="hidden" name="state" value={state} />
        <label for="username">Login name</label>
        <input
          type="text"
          id="username"
          name="username"
          required
          maxlength={256}
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
          {...(problem === undefined ? {} : { "aria-invalid": "true" })}
        />
        <label for="password">Password</label>
        <input
          type="password"
          id="password"
          name="password"
          required
          maxlength={256}
          autocomplete="current-password"
          {...(problem === undefined ? {} : { "aria-invalid": "true" })}
        />
        <div class="actions">
          <button type="submit" class="primary">
            Log in
          </button>
        </div>
      </form>
    </div>
  </Page>
);

/**
 * A provider's POST comes from another site, so without the session's cookie. The browser sends it once more from
 * here, with it: by itself, or by the button where no script runs.
 */
export const PassOnPage: FC<{ readonly response: string; readonly relayState: string }> = ({
  response,
  relayState,
}) => (
  <Page title="Almost there" scripts={["/saml/pass-on.js"]}>
    <div class="card">
      <p>Your login has answered.</p>
      <form method="post" action="/saml/acs" id="pass-on">
        <input type="hidden" name="SAMLResponse" value={response} />
        <input type="hidden" name="RelayState" value={relayState} />
        <input type="hidden" name="again" value="yes" />
        <div class="actions">
          <button type="submit" class="primary">
            Go on
          </button>
        </div>
      </form>
    </div>
  </Page>
);

/** Presses the button of `PassOnPage`. */
export const passOnScript = `
const form = document.getElementById("pass-on");
if (form instanceof HTMLFormElement) form.requestSubmit();
`;

/** For people whose login is gone: one of the codes they wrote down. */
export const RecoveryPage: FC<{ readonly csrf: string; readonly problem?: string }> = ({ csrf, problem }) => (
  <Page title="Come in with a recovery code">
    <LastProblem text={problem} />
    <div class="card">
      <p>
        If you have lost your login, use one of the codes that you wrote down. Each works once; add a new
        login right afterwards.
      </p>
      <CodeForm
        csrf={csrf}
        action="/recover"
        label="Recovery code"
        hint="26 letters and digits; spaces and dashes do not matter."
        submit="Come in"
        isPrinted
        isWrong={problem !== undefined}
      />
    </div>
  </Page>
);
