/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import type { FC } from "hono/jsx";
import type { AccessAction } from "../../../../engines/oauth/authority.ts";
import type { IotAccess } from "../../../../engines/oauth/iot-access.ts";
import { Notice, Page, Steps } from "../../../http/page.tsx";
import { DecisionForm } from "./shared.tsx";

const wordsOf: Readonly<Record<AccessAction, string>> = {
  read: "receive what your devices send from now on",
  command: "tell your devices to do things",
  shadow: "read and set your devices' settings",
  history: "read what your devices sent before",
};

/** Page 1 of two: who asks and for what. Which devices is chosen on page 2, which this server never sees. */
export const ConsentPage: FC<{
  readonly csrf: string;
  readonly action: string;
  readonly appName: string;
  readonly appOrigin: string;
  readonly access: IotAccess;
  readonly endsOn: string;
}> = ({ csrf, action, appName, appOrigin, access, endsOn }) => (
  <Page title={`${appName} asks for access`}>
    <Steps names={["Who asks", "Choose devices"]} current={0} />
    <div class="card">
      <dl class="facts">
        <dt>App</dt>
        <dd>
          {appName} <span class="badge">not verified</span>
        </dd>
        <dt>Sends you back to</dt>
        <dd class="mono">{appOrigin}</dd>
        <dt>It wants to</dt>
        <dd>
          <ul class="plain">
            {access.actions.map((asked) => (
              <li>{wordsOf[asked]}</li>
            ))}
          </ul>
        </dd>
        {access.purpose === undefined ? null : (
          <>
            <dt>In its own words</dt>
            <dd>“{access.purpose}”</dd>
          </>
        )}
        <dt>Until</dt>
        <dd>
          <time datetime={endsOn}>{endsOn}</time> at the latest; you can end it at any time.
        </dd>
      </dl>
      <Notice kind="care">
        <p>
          Nobody has checked this app's name. Go on only if you have just come from{" "}
          <strong>{appOrigin}</strong>.
        </p>
      </Notice>
      <p>
        Next, in your personal cloud, you choose which devices, one by one. The app does not learn who you
        are, and sees each device under a name of its own.
      </p>
      <DecisionForm csrf={csrf} action={action} yes="Choose devices" no="No" />
    </div>
  </Page>
);

/** An app's request that cannot be met: nobody is sent to an app by an error alone. */
export const SendBackPage: FC<{
  readonly appName: string;
  readonly origin: string;
  readonly href: string;
}> = ({ appName, origin, href }) => (
  <Page title="This app asked for something that is not possible">
    <div class="card">
      <p>
        {appName} <span class="badge">not verified</span> sent you here with a request that has a mistake in
        it. Nothing was shared.
      </p>
      <p>
        You can go back to <strong class="mono">{origin}</strong>, if that is where you came from.
      </p>
      <div class="actions">
        <a class="button" href={href} rel="noreferrer">
          Go back there
        </a>
      </div>
    </div>
  </Page>
);
