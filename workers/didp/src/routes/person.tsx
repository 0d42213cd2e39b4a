/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import { Hono } from "hono";
import type { OwnedDevice } from "../../../../durable-objects/registry/outbox.ts";
import type { GrantSummary } from "../../../../durable-objects/registry/registry.ts";
import { CodedError } from "../../../../engines/errors/coded-error.ts";
import type { AccessAction } from "../../../../engines/oauth/authority.ts";
import { base64url } from "../../../../engines/oauth/base64url.ts";
import { isLoggedIn, type LoggedIn, readOwnForm } from "../browser-session.ts";
import type { DidpApp, DidpContext } from "../didp-app.ts";
import { AppsPage, DevicesPage, type DeviceView, StartPage } from "../pages/person-pages.tsx";
import { Products } from "../products.ts";
import { registryFor } from "../registries.ts";
import { personOf } from "./login.tsx";

/** A person's own pages: devices and apps. */
export const person = new Hono<DidpApp>();

person.get("/", (c) => c.html(<StartPage />));

person.get("/me/apps", async (c) => {
  const session = await personOf(c, "/me/apps", "Your apps are shown to you alone.");
  return session instanceof Response ? session : appsPage(c, session);
});

person.post("/me/apps/:reference/revoke", async (c) => {
  const session = await ownForm(c, "revoke");
  const grants = await home(c, session.anon).appsOf(session.anon);
  const gid = await find(c, grants);
  await home(c, session.anon).endGrant(gid, session.anon, "revoked");
  return c.redirect("/me/apps", 303);
});

person.get("/me/devices", async (c) => {
  const session = await personOf(c, "/me/devices", "Your devices are shown to you alone.");
  return session instanceof Response ? session : devicesPage(c, session);
});

person.post("/me/devices/:reference/reapprove", async (c) => {
  const session = await ownForm(c, "reapprove");
  const owned: readonly OwnedDevice[] = await home(c, session.anon).ownedDevices(session.anon);
  const gid = await find(c, owned);
  await home(c, gid).reapprove(gid, session.anon);
  return c.redirect("/me/devices", 303);
});

async function appsPage(c: DidpContext, session: LoggedIn): Promise<Response> {
  const grants: readonly GrantSummary[] = await home(c, session.anon).appsOf(session.anon);
  const apps = await Promise.all(
    grants.map(async (grant) => ({
      reference: await referenceOf(c, grant.gid),
      name: grant.label,
      actions:
        grant.kind === "owner"
          ? ["do everything you can"]
          : (grant.access?.actions ?? []).map((action) => wordsOf[action]),
      since: day(grant.createdDay * DAY_MS),
      until: day(grant.expiresMs),
      isSuspect: grant.status === "suspect",
    })),
  );
  return c.html(<AppsPage csrf={session.csrf} apps={apps} />);
}

async function devicesPage(c: DidpContext, session: LoggedIn): Promise<Response> {
  const owned: readonly OwnedDevice[] = await home(c, session.anon).ownedDevices(session.anon);
  const products = new Products(c.env.DB);
  const views = await Promise.all(
    owned.map(async (device): Promise<DeviceView | undefined> => {
      const [grant, product, reference] = await Promise.all([
        home(c, device.gid).grantOf(device.gid, session.anon),
        products.find(device.softwareId),
        referenceOf(c, device.gid),
      ]);
      if (grant === undefined) return undefined;
      return {
        reference,
        title: product?.title ?? "Device",
        since: day(grant.createdDay * DAY_MS),
        state: grant.status === "suspect" ? "suspect" : grant.hasArrived ? "active" : "waiting",
      };
    }),
  );
  const devices = views.filter((view) => view !== undefined);
  return c.html(<DevicesPage csrf={session.csrf} devices={devices} />);
}

const DAY_MS = 24 * 3600_000;

const wordsOf: Readonly<Record<AccessAction, string>> = {
  read: "receive values",
  command: "send commands",
  shadow: "set settings",
  history: "read the past",
};

async function ownForm(c: DidpContext, decision: string): Promise<LoggedIn> {
  const { session, form } = await readOwnForm(c);
  if (!isLoggedIn(session)) throw new CodedError("FORBIDDEN", "Log in first.");
  if (form.get("decision") !== decision) throw new CodedError("BAD_REQUEST", "decision: press the button.");
  return session;
}

/** A grant's name in a page's URL; says nothing outside this server. */
async function referenceOf(c: DidpContext, gid: string): Promise<string> {
  return base64url((await c.var.config.keys.mac("reference", "grant", gid)).slice(0, 12));
}

async function find(c: DidpContext, grants: readonly { readonly gid: string }[]): Promise<string> {
  const wanted = c.req.param("reference");
  for (const { gid } of grants) if ((await referenceOf(c, gid)) === wanted) return gid;
  throw new CodedError("NOT_FOUND", "It is not there any more.");
}

function home(c: DidpContext, id: string) {
  const found = registryFor(c.env, id);
  if (found === undefined) throw new RangeError("an id of ours has a shard");
  return found;
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
