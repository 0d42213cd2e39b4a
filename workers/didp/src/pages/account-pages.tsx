/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import type { FC } from "hono/jsx";
import { Notice, Page } from "../../../http/page.tsx";
import { Csrf, LogOut, personLinks } from "./shared.tsx";

export interface LoginView {
  readonly reference: string;
  readonly name: string;
  readonly since: string;
}

/** A person's logins and recovery codes; Edgenym knows no name to put at the top. */
export const AccountPage: FC<{
  readonly csrf: string;
  readonly logins: readonly LoginView[];
  readonly uidps: readonly { readonly id: string; readonly name: string }[];
  readonly codesLeft: number;
  readonly notice?: { readonly kind: "info" | "problem"; readonly text: string };
}> = ({ csrf, logins, uidps, codesLeft, notice }) => (
  <Page title="My account" links={personLinks} here="/me/account">
    {notice === undefined ? null : (
      <Notice kind={notice.kind}>
        <p>{notice.text}</p>
      </Notice>
    )}
    <section class="card">
      <h2>Logins that lead here</h2>
      <p class="quiet">
        Edgenym keeps no name and no address, only that these logins open this account. With two of them you
        stay in when one is gone.
      </p>
      {logins.map((login, index) => (
        <section>
          <h3>
            {index + 1}. {login.name}
          </h3>
          <p class="quiet">
            Since <time datetime={login.since}>{login.since}</time>
          </p>
          {logins.length < 2 ? null : (
            <form method="post" action={`/me/account/logins/${login.reference}/remove`}>
              <Csrf token={csrf} />
              <button type="submit" class="danger" name="decision" value="remove">
                Remove login {index + 1}, {login.name}
              </button>
            </form>
          )}
        </section>
      ))}
    </section>
    <section class="card">
      <h2>Add a login</h2>
      <p class="quiet">It must not lead to another account here yet.</p>
      <ul class="plain">
        {uidps.map((uidp) => (
          <li>
            <form method="post" action={`/me/account/logins/${uidp.id}`}>
              <Csrf token={csrf} />
              <button type="submit" name="decision" value="add">
                Add {uidp.name}
              </button>
            </form>
          </li>
        ))}
      </ul>
    </section>
    <section class="card">
      <h2>Recovery codes</h2>
      <p>
        {codesLeft === 0
          ? "You have none. If you lose every login, nobody can let you in again: Edgenym does not know who you are."
          : `${codesLeft} of 10 left. Making new ones ends these.`}
      </p>
      <form method="post" action="/me/account/recovery-codes">
        <Csrf token={csrf} />
        <button type="submit" name="decision" value="renew">
          Make new recovery codes
        </button>
      </form>
    </section>
    <section class="card">
      <h2>Leaving for good</h2>
      <p>
        Your devices are released, no app gets in any more, and nothing of yours stays. You get a receipt.
      </p>
      <p>
        <a href="/me/delete">Delete everything</a>
      </p>
    </section>
    <LogOut csrf={csrf} />
  </Page>
);

/** The only time that the codes can be read. */
export const RecoveryCodesPage: FC<{ readonly codes: readonly string[] }> = ({ codes }) => (
  <Page title="Your recovery codes" links={personLinks} here="/me/account">
    <Notice kind="care">
      <p>Write them down or print them now. They are not shown again, and older codes have ended.</p>
    </Notice>
    <div class="card">
      <ol>
        {codes.map((code) => (
          <li>
            <code>{code.match(/.{1,5}/g)?.join(" ")}</code>
          </li>
        ))}
      </ol>
      <p class="quiet">
        Each opens this account once, without any login. Whoever has one can use it: keep them as you would
        keep a key.
      </p>
      <div class="actions">
        <a class="button primary" href="/me/account">
          I have them
        </a>
      </div>
    </div>
  </Page>
);
