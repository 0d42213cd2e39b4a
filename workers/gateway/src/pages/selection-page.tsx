import type { FC } from "hono/jsx";
import type { ClaimedDevice, ConsentRequest } from "../../../../engines/oauth/authority.ts";
import { Notice, Page, Steps } from "../../../http/page.tsx";

interface SelectionPageProps {
  readonly request: ConsentRequest;
  readonly devices: readonly ClaimedDevice[];
  /** The form came back approved, but with no device ticked. */
  readonly isNothingChosen?: boolean;
}

/** Device by device: may the app read it, may it control it. Nothing is ticked for the user. */
export const SelectionPage: FC<SelectionPageProps> = ({ request, devices, isNothingChosen = false }) => (
  <Page title={`What may ${request.appName} see?`}>
    <Steps names={["Who is asking", "Choose devices", `Back to ${request.appName}`]} current={1} />
    {isNothingChosen ? (
      <Notice kind="problem">
        <p>Tick at least one device, or deny.</p>
      </Notice>
    ) : null}
    <p>
      {request.appName} at <strong>{request.appOrigin}</strong> gets only what you tick here, under names that
      no other app sees, until <Day atMs={request.expiresAtMs} />. You can end it at any time.
    </p>
    {request.purpose === undefined ? null : <p class="quiet">Its reason: “{request.purpose}”</p>}
    <form method="post">
      {devices.length === 0 ? (
        <Notice kind="care">
          <p>You own no device yet. Claim one first, then connect the app again.</p>
        </Notice>
      ) : (
        devices.map((device) => <DeviceChoice request={request} device={device} />)
      )}
      <div class="actions">
        {devices.length === 0 ? null : (
          <button class="primary" type="submit" name="decision" value="approve">
            Share what is ticked
          </button>
        )}
        <button type="submit" name="decision" value="deny">
          Deny
        </button>
      </div>
    </form>
  </Page>
);

const DeviceChoice: FC<{ readonly request: ConsentRequest; readonly device: ClaimedDevice }> = ({
  request,
  device,
}) => {
  const { handle, name, model } = device;
  const properties = Object.values(model.properties).map((property) => property.title);
  const actions = Object.values(model.actions).map((action) => action.title);
  return (
    <fieldset class="card">
      <legend>
        {name} <span class="quiet small">{model.title}</span>
      </legend>
      {request.actions.includes("read") ? (
        <label class="choice">
          <input type="checkbox" name="read" value={handle} />
          <span>
            See its readings <span class="quiet small">{properties.join(", ")}</span>
          </span>
        </label>
      ) : null}
      {request.actions.includes("command") && actions.length > 0 ? (
        <label class="choice">
          <input type="checkbox" name="command" value={handle} />
          <span>
            Control it <span class="quiet small">{actions.join(", ")}</span>
          </span>
        </label>
      ) : null}
    </fieldset>
  );
};

const Day: FC<{ readonly atMs: number }> = ({ atMs }) => {
  const iso = new Date(atMs).toISOString();
  return <time dateTime={iso}>{iso.slice(0, 10)}</time>;
};
