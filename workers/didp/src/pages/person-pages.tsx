/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import type { FC } from "hono/jsx";
import type { GrantNote } from "../../../../durable-objects/registry/grant.ts";
import { Notice, Page } from "../../../http/page.tsx";
import { Csrf, LogOut, personLinks } from "./shared.tsx";

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
  readonly state: "active" | "waiting" | "suspect" | "lost";
  readonly note?: GrantNote;
}

/** Every app that holds a consent, and its end. */
export const AppsPage: FC<{
  readonly csrf: string;
  readonly apps: readonly AppView[];
}> = ({ csrf, apps }) => (
  <Page title="My apps" links={personLinks} here="/me/apps">
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
}> = ({ csrf, devices }) => (
  <Page title="My devices" links={personLinks} here="/me/devices">
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
            {device.note === undefined ? null : (
              <Notice kind={device.state === "suspect" ? "problem" : "care"}>
                <p>{noteWords[device.note]}</p>
              </Notice>
            )}
            <div class="actions">
              {actionsOf(device).map((action) => (
                <form method="post" action={`/me/devices/${device.reference}/${action}`}>
                  <Csrf token={csrf} />
                  <button
                    type="submit"
                    name="decision"
                    value={action}
                    {...(action === "release" ? { class: "danger" } : {})}
                  >
                    {actionWords[action]}
                  </button>
                </form>
              ))}
            </div>
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

/** What an owner may do with a device here. */
export type DeviceAction = "reapprove" | "release" | "transfer" | "lost" | "found";

function actionsOf(device: DeviceView): readonly DeviceAction[] {
  if (device.state === "lost") return ["found", "release"];
  if (device.state === "suspect")
    return device.note === "compromised" ? ["release"] : ["reapprove", "release"];
  return ["transfer", "lost", "release"];
}

const actionWords: Readonly<Record<DeviceAction, string>> = {
  reapprove: "It is mine: let it in again",
  release: "It is no longer mine",
  transfer: "Give it to somebody",
  lost: "I have lost it",
  found: "I have found it",
};

const stateWords: Readonly<Record<DeviceView["state"], string>> = {
  active: "has its key",
  waiting: "has not fetched its key yet",
  suspect: "stopped",
  lost: "lost: it is told to lock itself, its values are not taken, and nobody can claim it",
};

const noteWords: Readonly<Record<GrantNote, string>> = {
  reuse:
    "Its key turned up in two places, so it was stopped. If the device is with you, let it in again: it gets a new key and the old one is dead.",
  reset:
    "It was reset at the device. If that was not you and it is still yours, let it in again. Without a word from you somebody else can claim it after 14 days.",
  compromised:
    "Its maker says that the keys of this batch have been stolen, so it was stopped. Ask the maker.",
  recall: "Its maker calls this batch back. It goes on working; ask the maker what to do.",
  unpaid:
    "Its maker says that this batch was not paid for. That is between the shop and the maker: it goes on working.",
  banned: "",
};

/** The button for what cannot be undone, and the way back. */
const LastQuestion: FC<{
  readonly csrf: string;
  readonly action: string;
  readonly decision: string;
  readonly answer: string;
}> = ({ csrf, action, decision, answer }) => (
  <form method="post" action={action}>
    <Csrf token={csrf} />
    <div class="actions">
      <button type="submit" class="danger" name="decision" value={decision}>
        {answer}
      </button>
      <a class="button" href="/me/devices">
        Keep it
      </a>
    </div>
  </form>
);

/** The second question before a device has no owner any more. */
export const ReleasePage: FC<{
  readonly csrf: string;
  readonly reference: string;
  readonly title: string;
  readonly since: string;
}> = ({ csrf, reference, title, since }) => (
  <Page title={`Give up the ${title}?`} links={personLinks}>
    <div class="card">
      <p>
        It has been yours since <time datetime={since}>{since}</time>. It stops at once, apps lose it, and
        whoever has its label can claim it next. Its last values are removed from your personal cloud.
      </p>
      <LastQuestion
        csrf={csrf}
        action={`/me/devices/${reference}/release`}
        decision="confirm"
        answer="Give it up"
      />
    </div>
  </Page>
);

/** The link that gives a device away; shown once. */
export const TransferPage: FC<{ readonly link: string; readonly title: string }> = ({ link, title }) => (
  <Page title={`Give the ${title} away`} links={personLinks}>
    <div class="card">
      <p>Send this link to whoever is to have it. It works once, for two days, and is not shown again.</p>
      <p class="mono">{link}</p>
      <p class="quiet">
        Until they accept, the device stays yours. Then your data stay with you and theirs begin new.
      </p>
    </div>
    <p>
      <a href="/me/devices">Back to my devices</a>
    </p>
  </Page>
);

/** What a deletion does, and the button. */
export const DeletePage: FC<{ readonly csrf: string }> = ({ csrf }) => (
  <Page title="Delete everything" links={personLinks}>
    <div class="card">
      <p>
        This ends every app's access, releases every device, and deletes your personal cloud with its data.
      </p>
      <p>Your login is forgotten last. If you come back with it, you are somebody new here.</p>
      <p>It cannot be undone. You get a signed receipt.</p>
      <LastQuestion csrf={csrf} action="/me/delete" decision="delete" answer="Delete everything" />
    </div>
  </Page>
);

/** How far a deletion is; needs no login, the address is the key. */
export const ReceiptPage: FC<{ readonly isDone: boolean; readonly id: string }> = ({ isDone, id }) => (
  <Page title={isDone ? "Everything is deleted" : "Deleting…"} {...(isDone ? {} : { refreshSeconds: 2 })}>
    <div class="card">
      {isDone ? (
        <p>
          <a href={`/deletion/${id}/receipt`}>Your signed receipt</a> names what was deleted and when. Keep
          this address or the receipt if you want to prove it.
        </p>
      ) : (
        <progress aria-label="Deleting" />
      )}
    </div>
  </Page>
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
