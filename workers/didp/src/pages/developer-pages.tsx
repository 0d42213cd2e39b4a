/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import type { FC } from "hono/jsx";
import { Notice, Page } from "../../../http/page.tsx";
import type { NewAppCredentials } from "../new-app.ts";
import { Csrf, LastProblem } from "./shared.tsx";

export interface DeveloperAppView {
  readonly oauthClientId: string;
  readonly name: string;
  readonly redirectUris: readonly string[];
  readonly hasSecret: boolean;
}

/** A developer's apps: what they are, their end, and a new one. */
export const DeveloperPage: FC<{
  readonly csrf: string;
  readonly apps: readonly DeveloperAppView[];
  readonly issuer: string;
  readonly problem?: string;
}> = ({ csrf, apps, issuer, problem }) => (
  <Page title="My apps as a developer">
    <LastProblem text={problem} />
    {apps.map((app) => (
      <section class="card">
        <h2>{app.name}</h2>
        <dl class="facts">
          <dt>Client id</dt>
          <dd class="mono">{app.oauthClientId}</dd>
          <dt>Returns to</dt>
          <dd class="mono">{app.redirectUris.join(", ")}</dd>
          <dt>Kind</dt>
          <dd>
            {app.hasSecret ? "with a server and a secret" : "in the browser or on a device, without a secret"}
          </dd>
        </dl>
        <form method="post" action="/dev/remove">
          <Csrf token={csrf} />
          <input type="hidden" name="client_id" value={app.oauthClientId} />
          <button type="submit" class="danger" name="decision" value="remove">
            Remove {app.name} and end all its access
          </button>
        </form>
      </section>
    ))}
    <section class="card">
      <h2>Register an app</h2>
      <form method="post" action="/dev">
        <Csrf token={csrf} />
        <label for="client_name">Name that people see</label>
        <input type="text" id="client_name" name="client_name" maxlength={80} required autocomplete="off" />
        <label for="redirect_uri">Address to return to</label>
        <p class="hint" id="redirect-hint">
          Exactly as the app sends it; https, or http on 127.0.0.1 while you develop.
        </p>
        <input
          type="url"
          id="redirect_uri"
          name="redirect_uri"
          required
          maxlength={512}
          aria-describedby="redirect-hint"
        />
        <label for="kind">Kind</label>
        <select id="kind" name="kind">
          <option value="none">In the browser or on a device: no secret</option>
          <option value="client_secret_basic">With a server: a secret</option>
        </select>
        <div class="actions">
          <button type="submit" class="primary" name="decision" value="register">
            Register
          </button>
        </div>
      </form>
      <p class="quiet small">
        Programs register at <code>{issuer}/register</code> (RFC 7591) without this page; everything else is
        in <a href="/.well-known/oauth-authorization-server">the metadata</a>.
      </p>
    </section>
  </Page>
);

/** What a new app needs; shown once. */
export const NewAppPage: FC<{ readonly name: string; readonly credentials: NewAppCredentials }> = ({
  name,
  credentials,
}) => (
  <Page title={`${name} is registered`} links={[{ href: "/dev", text: "My apps as a developer" }]}>
    <div class="card">
      <dl class="facts">
        <dt>Client id</dt>
        <dd class="mono">{credentials.oauthClientId}</dd>
        {credentials.secret === undefined ? null : (
          <>
            <dt>Client secret</dt>
            <dd class="mono">{credentials.secret}</dd>
          </>
        )}
        <dt>Registration token</dt>
        <dd class="mono">{credentials.registrationToken}</dd>
      </dl>
      <Notice kind="care">
        <p>What is secret here is not shown again.</p>
      </Notice>
    </div>
  </Page>
);
