/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import type { FC } from "hono/jsx";
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
}> = ({ uidps, to, why }) => (
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
