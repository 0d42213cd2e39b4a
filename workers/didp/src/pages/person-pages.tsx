/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import type { FC } from "hono/jsx";
import { Notice, Page } from "../../../http/page.tsx";
import { Csrf, personLinks } from "./shared.tsx";

export interface AppView {
  readonly reference: string;
  readonly name: string;
  readonly actions: readonly string[];
  readonly since: string;
  readonly until: string;
  readonly isSuspect: boolean;
}

export interface DeviceView {
  readonly reference: string;
  readonly title: string;
  readonly since: string;
  readonly state: "active" | "waiting" | "suspect";
}

/** Every app that holds a consent, and its end. */
export const AppsPage: FC<{
  readonly csrf: string;
  readonly apps: readonly AppView[];
  readonly done?: string;
}> = ({ csrf, apps, done }) => (
  <Page title="My apps" links={personLinks} here="/me/apps">
    {done === undefined ? null : (
      <Notice>
        <p>{done}</p>
      </Notice>
    )}
    {apps.length === 0 ? (
      <p class="lead">No app has access. An app that wants some sends you here to ask.</p>
    ) : (
      apps.map((app) => (
        <section class="card">
          <h2>{app.name}</h2>
          <dl class="facts">
            <dt>May</dt>
            <dd>{app.actions.join(", ")}</dd>
            <dt>Since</dt>
            <dd>
              <time datetime={app.since}>{app.since}</time>
            </dd>
            <dt>Until</dt>
            <dd>
              <time datetime={app.until}>{app.until}</time>
            </dd>
          </dl>
          {app.isSuspect ? (
            <Notice kind="problem">
              <p>
                Its key turned up twice and was stopped. Open the app and let it ask again, or end its access.
              </p>
            </Notice>
          ) : null}
          <form method="post" action={`/me/apps/${app.reference}/revoke`}>
            <Csrf token={csrf} />
            <button type="submit" class="danger" name="decision" value="revoke">
              End access of {app.name}
            </button>
          </form>
        </section>
      ))
    )}
    <LogOut csrf={csrf} />
  </Page>
);

/** Every device, by its kind: the names that an owner gives are in the personal cloud, not here. */
export const DevicesPage: FC<{
  readonly csrf: string;
  readonly devices: readonly DeviceView[];
  readonly done?: string;
}> = ({ csrf, devices, done }) => (
  <Page title="My devices" links={personLinks} here="/me/devices">
    {done === undefined ? null : (
      <Notice>
        <p>{done}</p>
      </Notice>
    )}
    {devices.length === 0 ? (
      <p class="lead">
        No device yet. Scan the QR code on a device, or <a href="/d">type its code</a>.
      </p>
    ) : (
      <>
        {devices.map((device) => (
          <section class="card">
            <h2>{device.title}</h2>
            <dl class="facts">
              <dt>Yours since</dt>
              <dd>
                <time datetime={device.since}>{device.since}</time>
              </dd>
              <dt>State</dt>
              <dd>{stateWords[device.state]}</dd>
            </dl>
            {device.state === "suspect" ? (
              <>
                <Notice kind="problem">
                  <p>
                    Its key turned up in two places, so it was stopped. If the device is still with you, let
                    it in again: it gets a new key and the old one is dead.
                  </p>
                </Notice>
                <form method="post" action={`/me/devices/${device.reference}/reapprove`}>
                  <Csrf token={csrf} />
                  <button type="submit" class="primary" name="decision" value="reapprove">
                    Let it in again
                  </button>
                </form>
              </>
            ) : null}
          </section>
        ))}
        <p>
          <a href="/d">Add another device</a>
        </p>
      </>
    )}
    <LogOut csrf={csrf} />
  </Page>
);

const stateWords: Readonly<Record<DeviceView["state"], string>> = {
  active: "has its key",
  waiting: "has not fetched its key yet",
  suspect: "stopped",
};

const LogOut: FC<{ readonly csrf: string }> = ({ csrf }) => (
  <form method="post" action="/logout">
    <Csrf token={csrf} />
    <button type="submit" class="link" name="decision" value="logout">
      Log out
    </button>
  </form>
);

/** The start page: three ways in. */
export const StartPage: FC = () => (
  <Page title="Edgenym" links={personLinks}>
    <p class="lead">Devices that are yours, and nobody can tell.</p>
    <div class="card">
      <ul class="plain">
        <li>
          <a href="/d">Make a device yours</a>
        </li>
        <li>
          <a href="/me/devices">See your devices</a>
        </li>
        <li>
          <a href="/me/apps">See which apps have access, and end it</a>
        </li>
      </ul>
    </div>
  </Page>
);
