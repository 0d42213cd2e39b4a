/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import { Hono } from "hono";
import type { GrantSummary } from "../../../../durable-objects/registry/grant-summary.ts";
import type { OwnedDevice } from "../../../../durable-objects/registry/outbox.ts";
import { CodedError } from "../../../../engines/errors/coded-error.ts";
import type { AccessAction } from "../../../../engines/oauth/authority.ts";
import { base64url } from "../../../../engines/oauth/base64url.ts";
import { isLoggedIn, type LoggedIn, readOwnForm } from "../browser-session.ts";
import { deletionReceipt } from "../deletion-receipt.ts";
import type { DidpApp, DidpContext } from "../didp-app.ts";
import {
  AppsPage,
  DeletePage,
  type DeviceAction,
  DevicesPage,
  type DeviceView,
  ReceiptPage,
  ReleasePage,
  StartPage,
  TransferPage,
} from "../pages/person-pages.tsx";
import { Products } from "../products.ts";
import { registryFor } from "../registries.ts";
import { preferredWaitMs } from "../requests.ts";
import { askAgain, personOf } from "./login.tsx";

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

person.post("/me/devices/:reference/reapprove", (c) =>
  actOnDevice(c, "reapprove", (gid, anon) => home(c, gid).reapprove(gid, anon)),
);
person.post("/me/devices/:reference/lost", (c) =>
  actOnDevice(c, "lost", (gid, anon) => home(c, gid).setLost(gid, anon, true)),
);
person.post("/me/devices/:reference/found", (c) =>
  actOnDevice(c, "found", (gid, anon) => home(c, gid).setLost(gid, anon, false)),
);
/** Twice: the first press asks, the second one, `confirm`, releases. */
person.post("/me/devices/:reference/release", async (c) => {
  const { form } = await readOwnForm(c);
  const isConfirmed = form.get("decision") === "confirm";
  const session = await freshForm(c, isConfirmed ? "confirm" : "release", "/me/devices");
  if (session instanceof Response) return session;
  const device = await ownedDevice(c, session);
  if (isConfirmed) {
    await home(c, device.gid).endGrant(device.gid, session.anon, "released");
    return c.redirect("/me/devices", 303);
  }
  const product = await new Products(c.env.DB).find(device.softwareId);
  return c.html(
    <ReleasePage
      csrf={session.csrf}
      reference={c.req.param("reference")}
      title={product?.model.title ?? "device"}
      since={day(device.claimedDay * DAY_MS)}
    />,
  );
});

person.post("/me/devices/:reference/transfer", async (c) => {
  const session = await freshForm(c, "transfer", "/me/devices");
  if (session instanceof Response) return session;
  const device = await ownedDevice(c, session);
  const token = await home(c, device.gid).offerDevice(device.gid, session.anon);
  if (token === undefined)
    throw new CodedError("CONFLICT", "This device cannot be given away at the moment.");
  const product = await new Products(c.env.DB).find(device.softwareId);
  return c.html(
    <TransferPage link={`${c.var.config.issuer}/t#${token}`} title={product?.model.title ?? "device"} />,
  );
});

person.get("/me/delete", async (c) => {
  const session = await personOf(c, "/me/devices", "To delete your account, log in.");
  return session instanceof Response ? session : c.html(<DeletePage csrf={session.csrf} />);
});

person.post("/me/delete", async (c) => {
  const session = await freshForm(c, "delete", "/me/devices");
  if (session instanceof Response) return session;
  const receiptId = await home(c, session.anon).beginDeletion(session.anon);
  return c.redirect(`/deletion/${receiptId}`, 303);
});

person.get("/deletion/:id", async (c) => {
  const state = await deletionOf(c);
  return c.html(<ReceiptPage id={c.req.param("id")} isDone={state.finishedMs !== undefined} />);
});

person.get("/deletion/:id/receipt", async (c) => {
  const { requestedMs, finishedMs } = await deletionOf(c);
  if (finishedMs === undefined) throw new CodedError("NOT_FOUND", "The deletion has not finished yet.");
  const receipt = await deletionReceipt(c.var.config, c.req.param("id"), { requestedMs, finishedMs });
  return c.text(receipt, 200, { "content-type": "application/jwt" });
});

/** A step that cannot be taken back wants a login of the last five minutes (IDENTITY.md §2.H). */
const FRESH_MS = 5 * 60_000;

async function deletionOf(c: DidpContext) {
  const id = c.req.param("id") ?? "";
  const state = await registryFor(c.env, id)?.deletionState(id, preferredWaitMs(c));
  if (state === undefined) throw new CodedError("NOT_FOUND", "There is no such deletion.");
  return state;
}

async function actOnDevice(
  c: DidpContext,
  action: DeviceAction,
  act: (gid: string, anon: string) => Promise<boolean>,
): Promise<Response> {
  const session = await ownForm(c, action);
  const device = await ownedDevice(c, session);
  await act(device.gid, session.anon);
  return c.redirect("/me/devices", 303);
}

async function ownedDevice(c: DidpContext, session: LoggedIn): Promise<OwnedDevice> {
  const owned = await home(c, session.anon).ownedDevices(session.anon);
  const gid = await find(c, owned);
  const device = owned.find((one) => one.gid === gid);
  if (device === undefined) throw new CodedError("NOT_FOUND", "It is not there any more.");
  return device;
}

const ASK_AGAIN =
  "This changes who can come in, or cannot be undone. Log in once more, then repeat it within five minutes.";

/** As `ownForm`, or the page that asks the person to show again to be there. */
export async function freshForm(c: DidpContext, decision: string, to: string): Promise<LoggedIn | Response> {
  const session = await ownForm(c, decision);
  const isFresh = Date.now() - (session.provedMs ?? 0) <= FRESH_MS;
  return isFresh ? session : askAgain(c, session, to, ASK_AGAIN);
}

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
        state: stateOf(grant),
        ...(grant.note === undefined ? {} : { note: grant.note }),
      };
    }),
  );
  const devices = views.filter((view) => view !== undefined);
  return c.html(<DevicesPage csrf={session.csrf} devices={devices} />);
}

function stateOf(grant: GrantSummary): DeviceView["state"] {
  if (grant.status === "suspect") return "suspect";
  if (grant.isLost) return "lost";
  return grant.hasArrived ? "active" : "waiting";
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
