/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import type { FC } from "hono/jsx";
import type { Job } from "../../../../durable-objects/registry/registration-jobs.ts";
import { Page } from "../../../http/page.tsx";
import type { TokenUse } from "../members.ts";
import { CodeForm, Csrf, LastProblem } from "./shared.tsx";

/** Counts of one batch; `claimed` only where it says nothing about single owners. */
export interface BatchView {
  readonly batch: string;
  readonly made: number;
  readonly claimed: string;
}

/** Where an invitation leads. */
export const InvitationPage: FC<{ readonly csrf: string; readonly problem?: string }> = ({
  csrf,
  problem,
}) => (
  <Page title="Join a manufacturer" scripts={["/claim.js"]}>
    <LastProblem text={problem} />
    <div class="card">
      <CodeForm
        csrf={csrf}
        action="/m"
        label="Code of the invitation"
        hint="What stands behind # in the link that you were given. Afterwards you log in."
        submit="Join"
      />
    </div>
  </Page>
);

/** The manufacturers of a person. */
export const ManufacturersPage: FC<{ readonly tenants: readonly { id: string; name: string }[] }> = ({
  tenants,
}) => (
  <Page title="My manufacturers">
    {tenants.length === 0 ? (
      <p class="lead">None. An operator can send you an invitation.</p>
    ) : (
      <ul>
        {tenants.map((tenant) => (
          <li>
            <a href={`/mfr/${encodeURIComponent(tenant.id)}`}>{tenant.name}</a>
          </li>
        ))}
      </ul>
    )}
  </Page>
);

/** One manufacturer: products, batches, and registering a run of devices. */
export const ManufacturerPage: FC<{
  readonly csrf: string;
  readonly tenant: { readonly id: string; readonly name: string };
  readonly products: readonly { readonly softwareId: string; readonly title: string }[];
  readonly tokens: readonly TokenUse[];
  readonly batches: readonly BatchView[];
}> = ({ csrf, tenant, products, tokens, batches }) => (
  <Page title={tenant.name} links={[{ href: "/mfr", text: "My manufacturers" }]}>
    <section class="card">
      <h2>Products</h2>
      {products.length === 0 ? (
        <p>None yet. The operator describes them.</p>
      ) : (
        <ul>
          {products.map((product) => (
            <li>
              {product.title} <span class="mono small">{product.softwareId}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
    <section class="card">
      <h2 id="batches">Batches</h2>
      <section class="scroll" tabindex={0} aria-labelledby="batches">
        <table>
          <thead>
            <tr>
              <th scope="col">Batch</th>
              <th scope="col">Made</th>
              <th scope="col">Claimed</th>
            </tr>
          </thead>
          <tbody>
            {batches.map((batch) => (
              <tr>
                <td>{batch.batch}</td>
                <td>{String(batch.made)}</td>
                <td>{batch.claimed}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <p class="quiet small">
        Groups below ten are not counted, so that nothing is told about single owners.
      </p>
    </section>
    <section class="card">
      <h2>Factory tokens</h2>
      <ul class="plain">
        {tokens.map((token) => (
          <li>
            {token.batch ?? "no batch"}:{" "}
            <progress max={token.maxCount} value={token.usedCount} aria-label="Used" />{" "}
            {`${token.usedCount} of ${token.maxCount} registered, until ${dayOf(token.expiresMs)}`}
          </li>
        ))}
      </ul>
    </section>
    {products.length === 0 ? null : (
      <section class="card">
        <h2>Register a run of devices</h2>
        <form method="post" action={`/mfr/${encodeURIComponent(tenant.id)}/runs`}>
          <Csrf token={csrf} />
          <label for="software_id">Product</label>
          <select id="software_id" name="software_id">
            {products.map((product) => (
              <option value={product.softwareId}>{product.title}</option>
            ))}
          </select>
          <label for="count">How many</label>
          <input type="number" id="count" name="count" min={1} max={20000} value="10" required />
          <label for="batch">Name of the batch</label>
          <input type="text" id="batch" name="batch" maxlength={64} required autocomplete="off" />
          <div class="actions">
            <button type="submit" class="primary" name="decision" value="register">
              Register
            </button>
          </div>
        </form>
      </section>
    )}
  </Page>
);

/** How far a run is; looks again by itself. */
export const RunPage: FC<{ readonly tenant: string; readonly id: string; readonly job: Job }> = ({
  tenant,
  id,
  job,
}) => (
  <Page
    title={
      job.state === "finished" ? "Registered" : job.state === "failed" ? "Not registered" : "Registering…"
    }
    {...(job.state === "running" ? { refreshSeconds: 2 } : {})}
    links={[{ href: `/mfr/${encodeURIComponent(tenant)}`, text: "Back" }]}
  >
    <div class="card">
      <progress max={job.total} value={job.done} aria-label="Registered devices" />
      <p>
        {job.done} of {job.total}
      </p>
      {job.state === "finished" ? (
        <>
          <p>
            <a href={`/mfr/${encodeURIComponent(tenant)}/runs/${id}/results`} download="devices.ndjson">
              Ids, secrets and printed codes
            </a>
            , for a day. Whoever has the file can pose as these devices.
          </p>
          <p>
            <a href={`/mfr/${encodeURIComponent(tenant)}/runs/${id}/labels`}>Labels to print</a>, for as long.
          </p>
        </>
      ) : null}
    </div>
  </Page>
);

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
