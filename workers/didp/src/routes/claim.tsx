/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import { Hono } from "hono";
import type { Interaction } from "../../../../durable-objects/registry/sessions.ts";
import { CodedError } from "../../../../engines/errors/coded-error.ts";
import { readClaimCode } from "../../../../engines/oauth/claim-code.ts";
import { hashClaimCode } from "../../../../engines/oauth/device-registration.ts";
import { plainText } from "../../../../engines/oauth/iot-access.ts";
import { randomSecret } from "../../../../engines/oauth/key-ring.ts";
import { type Shard, shardOf } from "../../../../engines/oauth/shard.ts";
import { type BrowserSession, ensureSession, readOwnForm } from "../browser-session.ts";
import type { DidpApp, DidpContext } from "../didp-app.ts";
import {
  ClaimedPage,
  CodePage,
  ConfirmClaimPage,
  OfferPage,
  PresencePage,
  SwitchOnPage,
} from "../pages/claim-pages.tsx";
import { claimScript } from "../pages/claim-script.ts";
import { Products } from "../products.ts";
import { registry, registryFor } from "../registries.ts";
import { networkOf } from "../requests.ts";
import { personOf } from "./login.tsx";

/** Claiming a device by its printed link or code (IDENTITY.md §2.C). */
export const claim = new Hono<DidpApp>();

const TRIES_A_SESSION = 20;
/** The same words for a code that is unknown, of an owned device, or of a lost one. */
const NOT_CLAIMABLE =
  "With this code no device can be claimed. Check it against the label; if the device has an owner, that person has to release it first.";

const NOT_OFFERED = "This link is not good any more. Ask whoever gave it to you for a new one.";

claim.get("/d", async (c) => {
  const session = await ensureSession(c);
  return c.html(<CodePage csrf={session.csrf} />);
});

claim.get("/claim.js", (c) =>
  c.body(claimScript, 200, {
    "content-type": "text/javascript; charset=utf-8",
    "cache-control": "public, max-age=3600",
  }),
);

claim.post("/claim", async (c) => {
  const { session, form } = await readOwnForm(c);
  const tries = await takeTry(c, session);
  if (tries === undefined) {
    c.header("retry-after", "60");
    return c.html(<CodePage csrf={session.csrf} problem="Too many tries. Wait a minute." />, 429);
  }
  const code = readClaimCode(form.get("code") ?? "");
  const hash = await hashClaimCode(c.var.config.keys, code ?? "");
  const found = code === undefined ? undefined : await registry(c.env, hash.shard).claimable(hash.hash);
  if (found === undefined) return c.html(<CodePage csrf={session.csrf} problem={NOT_CLAIMABLE} />, 404);
  await tries.giveBack();
  const id = randomSecret(16);
  await registry(c.env, session.shard).putInteraction(id, session.hash, {
    kind: "claim",
    claimHash: hash.hash,
  });
  return c.redirect(`/claim/${id}`, 303);
});

claim.get("/t", async (c) => {
  const session = await ensureSession(c);
  return c.html(<OfferPage csrf={session.csrf} />);
});

claim.post("/t", async (c) => {
  const { session, form } = await readOwnForm(c);
  const token = form.get("code") ?? "";
  const offerShard = shardOf(token);
  const offerHash = await c.var.config.keys.hash("offer", token);
  const found =
    offerShard === undefined ? undefined : await registry(c.env, offerShard).offeredDevice(offerHash);
  if (found === undefined || offerShard === undefined) {
    return c.html(<OfferPage csrf={session.csrf} problem={NOT_OFFERED} />, 404);
  }
  const id = randomSecret(16);
  await registry(c.env, session.shard).putInteraction(id, session.hash, {
    kind: "claim",
    claimHash: "",
    offerHash,
    offerShard,
  });
  return c.redirect(`/claim/${id}`, 303);
});

claim.get("/claim/:id", async (c) => {
  const path = `/claim/${c.req.param("id")}`;
  const session = await personOf(c, path, "The device will belong to whoever logs in now.");
  if (session instanceof Response) return session;
  const interaction = await interactionOf(c, session);
  const home = registryOfClaim(c, interaction);
  if (interaction.gid !== undefined && interaction.softwareId !== undefined) {
    const product = await productOf(c, interaction.softwareId);
    const hasArrived = await home.hasArrived(interaction.gid);
    return c.html(<ClaimedPage title={product.model.title} hasArrived={hasArrived} />);
  }
  if (interaction.offerHash !== undefined) {
    const offered = await home.offeredDevice(interaction.offerHash);
    if (offered === undefined) return c.html(<OfferPage csrf={session.csrf} problem={NOT_OFFERED} />, 404);
    const product = await productOf(c, offered.softwareId);
    return c.html(
      <ConfirmClaimPage
        csrf={session.csrf}
        action={path}
        maker={product.manufacturer}
        model={product.model}
      />,
    );
  }
  const found = await home.claimable(interaction.claimHash);
  if (found === undefined) return c.html(<CodePage csrf={session.csrf} problem={NOT_CLAIMABLE} />, 404);
  const product = await productOf(c, found.softwareId);
  if (!found.isOnline) return c.html(<SwitchOnPage title={product.model.title} />);
  if (found.needsPresence) {
    return c.html(<PresencePage title={product.model.title} policy={found.claimPolicy} />);
  }
  return c.html(
    <ConfirmClaimPage csrf={session.csrf} action={path} maker={product.manufacturer} model={product.model} />,
  );
});

claim.post("/claim/:id", async (c) => {
  const path = `/claim/${c.req.param("id")}`;
  const { session, form } = await readOwnForm(c);
  if (session.anon === undefined) return c.redirect(path, 303);
  const interaction = await interactionOf(c, session);
  const home = registryOfClaim(c, interaction);
  if (form.get("decision") !== "approve") {
    if (interaction.offerHash === undefined) await home.denyClaim(interaction.claimHash);
    await registry(c.env, session.shard).takeInteraction(c.req.param("id"), session.hash);
    return c.redirect("/me/devices", 303);
  }
  const { offerHash } = interaction;
  const found =
    offerHash === undefined
      ? await home.claimable(interaction.claimHash)
      : await home.offeredDevice(offerHash);
  const softwareId = interaction.softwareId ?? found?.softwareId;
  if (softwareId === undefined) {
    return c.html(<CodePage csrf={session.csrf} problem={NOT_CLAIMABLE} />, 409);
  }
  const { model } = await productOf(c, softwareId);
  const name = plainText(form.get("name") ?? "").slice(0, 60) || model.title;
  const gateway = c.var.config.gateways[0];
  const result =
    offerHash === undefined
      ? await home.claim(interaction.claimHash, session.anon, gateway, model, name)
      : await home.acceptOffer(offerHash, session.anon, gateway, model, name);
  switch (result.kind) {
    case "offline":
    case "presence_required":
      return c.redirect(path, 303);
    case "not_claimable":
    case "already_claimed":
      return c.html(<CodePage csrf={session.csrf} problem={NOT_CLAIMABLE} />, 409);
    case "claimed":
      await registry(c.env, session.shard).putInteraction(c.req.param("id"), session.hash, {
        ...interaction,
        gid: result.gid,
        softwareId,
      });
      return c.redirect(path, 303);
  }
});

async function takeTry(c: DidpContext, session: BrowserSession) {
  const network = await networkOf(c);
  const [counter, home] = [registryFor(c.env, network), registry(c.env, session.shard)];
  const waitSeconds = await counter?.takeAttempt(
    `claim:${network}`,
    c.var.config.claimTriesPerMinute,
    60_000,
  );
  if (waitSeconds !== 0 || !(await home.takeClaimTry(session.hash, TRIES_A_SESSION))) return undefined;
  return {
    giveBack: async () => {
      await counter?.giveBackAttempt(`claim:${network}`);
      await home.returnClaimTry(session.hash);
    },
  };
}

async function interactionOf(c: DidpContext, session: BrowserSession) {
  const found = await registry(c.env, session.shard).interaction(c.req.param("id") ?? "", session.hash);
  if (found?.kind !== "claim") {
    throw new CodedError("NOT_FOUND", "This page has expired. Open the device's link again.");
  }
  return found;
}

function registryOfClaim(c: DidpContext, interaction: Interaction & { kind: "claim" }) {
  const home =
    interaction.offerShard === undefined
      ? registryFor(c.env, interaction.claimHash)
      : registry(c.env, interaction.offerShard as Shard); // `POST /t` took it from the token
  if (home === undefined) throw new RangeError("a keyed hash has a shard");
  return home;
}

async function productOf(c: DidpContext, softwareId: string) {
  const product = await new Products(c.env.DB).find(softwareId);
  if (product === undefined) throw new CodedError("NOT_FOUND", "This kind of device is not described here.");
  return product;
}
