/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import type { FC } from "hono/jsx";
import type { DeviceModel } from "../../../../engines/oauth/authority.ts";
import { Page, Steps } from "../../../http/page.tsx";
import { CodeForm, DecisionForm, LastProblem } from "./shared.tsx";

const steps = ["Code", "Login", "Agree", "Connected"];

/** Where the printed link leads, and where a code is typed. */
export const CodePage: FC<{ readonly csrf: string; readonly problem?: string }> = ({ csrf, problem }) => (
  <Page title="Make a device yours" scripts={["/claim.js"]}>
    <Steps names={steps} current={0} />
    <LastProblem text={problem} />
    <div class="card">
      <p>
        The code is printed on the device or its box. Open the link of the QR code, or type the code here.
      </p>
      <CodeForm
        csrf={csrf}
        action="/claim"
        label="Code"
        hint="26 letters and digits; spaces do not matter."
        submit="Go on"
        isPrinted
        isWrong={problem !== undefined}
      />
    </div>
  </Page>
);

/** Where the link of an owner leads who gives a device away. */
export const OfferPage: FC<{ readonly csrf: string; readonly problem?: string }> = ({ csrf, problem }) => (
  <Page title="Take over a device" scripts={["/claim.js"]}>
    <LastProblem text={problem} />
    <div class="card">
      <p>Somebody gives you a device. Neither of you learns who the other is, and no data move.</p>
      <CodeForm
        csrf={csrf}
        action="/t"
        label="Code of the link"
        hint="What stands behind # in the link that you were given."
        submit="Go on"
      />
    </div>
  </Page>
);

/** The device is not waiting for an owner yet; the page looks again by itself. */
export const SwitchOnPage: FC<{ readonly title: string }> = ({ title }) => (
  <Page title="Waiting for the device…" refreshSeconds={3}>
    <Steps names={steps} current={2} />
    <div class="card">
      <p>
        <strong>{title}</strong> is not online yet. Switch it on and give it a network; this page goes on by
        itself.
      </p>
      <progress aria-label="Waiting for the device" />
    </div>
  </Page>
);

/** Somebody has to be at the device; the page looks again by itself. */
export const PresencePage: FC<{ readonly title: string; readonly policy: string }> = ({ title, policy }) => (
  <Page title="Show that you are at the device" refreshSeconds={3}>
    <Steps names={steps} current={2} />
    <div class="card">
      {policy === "button" ? (
        <p>
          Press the button on the <strong>{title}</strong> within two minutes.
        </p>
      ) : (
        <p>
          Switch the <strong>{title}</strong> off and on again twice within a minute.
        </p>
      )}
      <p class="quiet">This page goes on by itself.</p>
      <progress aria-label="Waiting for you at the device" />
    </div>
  </Page>
);

/** What the device will do for its owner, and the owner's yes or no. */
export const ConfirmClaimPage: FC<{
  readonly csrf: string;
  readonly action: string;
  readonly maker: string;
  readonly model: DeviceModel;
}> = ({ csrf, action, maker, model }) => (
  <Page title={`Make this ${model.title} yours?`}>
    <Steps names={steps} current={2} />
    <div class="card">
      <dl class="facts">
        <dt>Made by</dt>
        <dd>{maker}</dd>
        <dt>It will send you</dt>
        <dd>{titles(model.properties)}</dd>
        <dt>You can tell it</dt>
        <dd>{titles(model.actions)}</dd>
        <dt>Who sees it</dt>
        <dd>You alone, until you share it with an app.</dd>
      </dl>
      <DecisionForm csrf={csrf} action={action} yes="Make it mine" no="No, it is not mine">
        <label for="name">A name for it</label>
        <p class="hint" id="name-hint">
          Kept in your personal cloud only; the maker and apps do not see it.
        </p>
        <input
          type="text"
          id="name"
          name="name"
          maxlength={60}
          value={model.title}
          autocomplete="off"
          aria-describedby="name-hint"
        />
      </DecisionForm>
    </div>
  </Page>
);

/** Owned; waits for the device to come for its key. */
export const ClaimedPage: FC<{ readonly title: string; readonly hasArrived: boolean }> = ({
  title,
  hasArrived,
}) => (
  <Page
    title={hasArrived ? `Your ${title} is connected` : `The ${title} is yours`}
    {...(hasArrived ? {} : { refreshSeconds: 3 })}
    links={[
      { href: "/me/devices", text: "My devices" },
      { href: "/me/apps", text: "My apps" },
    ]}
  >
    <Steps names={steps} current={hasArrived ? 4 : 3} />
    <div class="card">
      {hasArrived ? (
        <p>It has its key and sends to your personal cloud. You can close this page.</p>
      ) : (
        <>
          <p>It fetches its key in the next seconds; this page shows when it has.</p>
          <progress aria-label="Waiting for the device to connect" />
        </>
      )}
    </div>
  </Page>
);

function titles(things: Readonly<Record<string, { readonly title: string }>>): string {
  const list = Object.values(things).map((thing) => thing.title);
  return list.length === 0 ? "nothing" : list.join(", ");
}
