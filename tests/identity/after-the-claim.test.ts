import { createRemoteJWKSet, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { StrictApp } from "./support/app.ts";
import { asDevice, DEVICE_CODE_GRANT, type MadeDevice, openFactory, tokenAnswer } from "./support/factory.ts";
import { consent, introspect, openClaim, openWhenDone, ownDevice, told } from "./support/flows.ts";
import { Person, type View } from "./support/person.ts";
import { type Platform, startPlatform } from "./support/platform.ts";

let platform: Platform;
let factory: Awaited<ReturnType<typeof openFactory>>;

beforeAll(async () => {
  platform = await startPlatform(19360);
  factory = await openFactory(platform);
});
afterAll(() => platform.stop());

const press = async (person: Person, action: string): Promise<View> => {
  const form = (target: string) => target.endsWith(`/${action}`);
  const list = await person.open(`${platform.didp}/me/devices`);
  const page = await person.submit(list, { decision: action }, { form });
  return action === "release" ? person.submit(page, { decision: "confirm" }, { form }) : page;
};
/** Device code, poll: what firmware does after `invalid_grant`. */
const comeBack = async (device: MadeDevice) => {
  const post = asDevice(platform, device);
  const { device_code } = (await (await post("/device_authorization", {})).json()) as { device_code: string };
  return tokenAnswer(post("/token", { grant_type: DEVICE_CODE_GRANT, device_code }));
};
const owned = async () => {
  const device = await factory.make();
  const person = new Person(`owner-${crypto.randomUUID()}`);
  const tokens = await ownDevice(platform, device, person);
  const handle = (await introspect(platform, tokens.access_token)).authority?.handle ?? "";
  return { device, person, tokens, handle };
};

test("one press on release asks, and ends nothing", async () => {
  const { person, tokens } = await owned();
  const list = await person.open(`${platform.didp}/me/devices`);
  const asked = await person.submit(
    list,
    { decision: "release" },
    { form: (target) => target.endsWith("/release") },
  );
  expect(asked.title).toBe("Give up the Room sensor?");
  expect((await introspect(platform, tokens.access_token)).active).toBe(true);
});

test("a release ends the tokens, tells the gateway, and the next owner gets another handle", async () => {
  const { device, person, tokens, handle } = await owned();
  const page = await press(person, "release");
  expect(page.html).toContain("No device yet");
  expect(await introspect(platform, tokens.access_token)).toEqual({ active: false });
  expect((await told(platform)).revoked).toContainEqual(
    expect.objectContaining({ handle, reason: "released" }),
  );
  const next = await ownDevice(platform, device, new Person(`next-${crypto.randomUUID()}`));
  expect((await introspect(platform, next.access_token)).authority?.handle).not.toBe(handle);
});

describe("a reset at the device", () => {
  test("stops it until the owner lets it in again, and nobody else can claim it", async () => {
    const { device, person, tokens, handle } = await owned();
    await asDevice(platform, device)("/revoke", { token: tokens.refresh_token });
    expect(await introspect(platform, tokens.access_token)).toEqual({ active: false });
    expect((await comeBack(device)).error).toBe("authorization_pending");
    const stranger = new Person(`stranger-${crypto.randomUUID()}`);
    const start = await stranger.open(`${platform.didp}/d`);
    expect((await stranger.submit(start, { code: device.user_code })).status).toBe(404);
    expect((await person.open(`${platform.didp}/me/devices`)).html).toContain("It was reset at the device");
    await press(person, "reapprove");
    const again = await comeBack(device);
    expect((await introspect(platform, again.access_token)).authority).toMatchObject({ handle, epoch: 2 });
  });

  test("ends the ownership at once where the product says that possession is ownership", async () => {
    const device = await factory.make({ reset_policy: "possession_is_ownership" });
    const tokens = await ownDevice(platform, device, new Person(`owner-${crypto.randomUUID()}`));
    await asDevice(platform, device)("/revoke", { token: tokens.refresh_token });
    await ownDevice(platform, device, new Person(`next-${crypto.randomUUID()}`));
  });
});

describe("a device given away", () => {
  test("goes to whoever opens the link, once, with nothing that tells of the former owner", async () => {
    const { device, person, tokens, handle } = await owned();
    const shown = await press(person, "transfer");
    const token = /\/t#([\w-]{43})/.exec(shown.html)?.[1] ?? "";
    expect((await introspect(platform, tokens.access_token)).active).toBe(true);

    const receiver = new Person(`receiver-${crypto.randomUUID()}`);
    const start = await receiver.open(`${platform.didp}/t`);
    const confirm = await receiver.logIn(await receiver.submit(start, { code: token }));
    expect(confirm.title).toBe("Make this Room sensor yours?");
    expect((await receiver.submit(confirm, { name: "Mine", decision: "approve" })).title).toBe(
      "The Room sensor is yours",
    );

    expect(await introspect(platform, tokens.access_token)).toEqual({ active: false });
    const again = await comeBack(device);
    const now = (await introspect(platform, again.access_token)).authority;
    expect(now?.handle).not.toBe(handle);
    expect((await person.open(`${platform.didp}/me/devices`)).html).toContain("No device yet");
    const late = new Person(`late-${crypto.randomUUID()}`);
    const page = await late.submit(await late.open(`${platform.didp}/t`), { code: token });
    expect(page.status).toBe(404);
    expect((await told(platform)).claimed.at(-1)).toMatchObject({
      device: { handle: now?.handle, name: "Mine" },
    });
  });

  test("a made-up link, or one of a device that was released meanwhile, is refused", async () => {
    const { person } = await owned();
    const shown = await press(person, "transfer");
    const token = /\/t#([\w-]{43})/.exec(shown.html)?.[1] ?? "";
    await press(person, "release");
    const receiver = new Person(`receiver-${crypto.randomUUID()}`);
    const start = await receiver.open(`${platform.didp}/t`);
    for (const code of [token, "A".repeat(43), "", "x"]) {
      expect((await receiver.submit(start, { code })).status).toBe(404);
    }
  });
});

test("a lost device may be managed and nothing else, cannot be claimed, and comes back when it is found", async () => {
  const { device, person, tokens, handle } = await owned();
  await press(person, "lost");
  const lost = await introspect(platform, tokens.access_token);
  expect(lost.authority).toMatchObject({
    epoch: 2,
    permissions: [
      ["manage/#", ["sub"]],
      ["manage/+/status", ["pub"]],
      ["$state", ["pub"]],
    ],
  });
  expect((await told(platform)).revoked).toContainEqual(expect.objectContaining({ handle, epoch: 2 }));
  const post = asDevice(platform, device);
  const refreshed = await tokenAnswer(
    post("/token", { grant_type: "refresh_token", refresh_token: tokens.refresh_token }),
  );
  expect(refreshed.scope).toBe("dm:lost");
  // Whoever has it now resets it: still lost, still nobody's to claim.
  await post("/revoke", { token: refreshed.refresh_token });
  const finder = new Person(`finder-${crypto.randomUUID()}`);
  await comeBack(device);
  expect((await openClaim(platform, finder, device.user_code)).status).toBe(404);
  await press(person, "reapprove");
  const again = await comeBack(device);
  expect(again.scope).toBe("dm:lost");
  await press(person, "found");
  const found = await introspect(platform, again.access_token);
  expect(found.authority).toMatchObject({
    handle,
    permissions: expect.arrayContaining([["$description", expect.any(Array)]]),
  });
});

describe("a manufacturer's word about a batch", () => {
  const disable = (token: string, batch: string, reason: string) =>
    fetch(`${platform.didp}/batches/${batch}/disable`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ reason }),
    });

  test.each(["recall", "unpaid"])(
    "%s does not cut an owned device, and its owner is told",
    async (reason) => {
      const own = await openFactory(platform, { batch: `b-${reason}` });
      const [device, unowned] = [await own.make(), await own.make()];
      const person = new Person(`owner-${crypto.randomUUID()}`);
      const tokens = await ownDevice(platform, device, person);
      const answer = await disable(own.token, `b-${reason}`, reason);
      expect(await answer.json()).toMatchObject({ devices: "fewer than 10" });
      expect((await introspect(platform, tokens.access_token)).active).toBe(true);
      expect((await person.open(`${platform.didp}/me/devices`)).html).toMatch(
        /calls this batch back|not paid for/,
      );
      expect((await asDevice(platform, unowned)("/device_authorization", {})).status).toBe(401);
    },
  );

  test("compromised stops its devices at once, and the owner cannot let the thief's key in again", async () => {
    const own = await openFactory(platform, { batch: "b-stolen" });
    const device = await own.make();
    const person = new Person(`owner-${crypto.randomUUID()}`);
    const tokens = await ownDevice(platform, device, person);
    expect((await disable(own.token, "b-stolen", "compromised")).status).toBe(200);
    expect(await introspect(platform, tokens.access_token)).toEqual({ active: false });
    const page = await person.open(`${platform.didp}/me/devices`);
    expect(page.html).toContain("have been stolen");
    expect(page.forms.map((form) => form.action.split("/").at(-1))).not.toContain("reapprove");
  });

  test("is refused for another batch and without a token", async () => {
    const own = await openFactory(platform, { batch: "b-mine" });
    expect((await disable(own.token, "b-stolen", "compromised")).status).toBe(403);
    expect((await disable("wrong", "b-mine", "compromised")).status).toBe(401);
  });

  test("an owned device cannot be deleted by its factory", async () => {
    const { device } = await owned();
    const remove = () =>
      fetch(device.registration_client_uri, {
        method: "DELETE",
        headers: { authorization: `Bearer ${device.registration_access_token}` },
      });
    expect((await remove()).status).toBe(403);
  });
});

test("a banned app loses every grant of every user, and cannot begin again", async () => {
  const app = await StrictApp.register(platform);
  const tokens = [];
  for (const account of ["sam", "tess"]) {
    const begun = await app.begin();
    tokens.push(await app.exchange(await consent(platform, new Person(account), begun.url.href), begun));
  }
  const ban = await fetch(`${platform.didp}/v1/ops/apps/${app.client.client_id}/ban`, {
    method: "POST",
    headers: { authorization: `Bearer ${platform.operatorToken}` },
  });
  expect(ban.status).toBe(204);
  for (const { access_token } of tokens)
    expect(await introspect(platform, access_token)).toEqual({ active: false });
  expect((await fetch((await app.begin()).url, { redirect: "manual" })).status).toBe(400);
});

test("an app that removes its registration takes its grants with it", async () => {
  const app = await StrictApp.register(platform);
  const begun = await app.begin();
  const tokens = await app.exchange(await consent(platform, new Person("uma"), begun.url.href), begun);
  const removed = await fetch(String(app.client.registration_client_uri), {
    method: "DELETE",
    headers: { authorization: `Bearer ${app.client.registration_access_token}` },
  });
  expect(removed.status).toBe(204);
  expect(await introspect(platform, tokens.access_token)).toEqual({ active: false });
});

test("a deleted account leaves nothing but a signed receipt, and the same login is somebody new", async () => {
  const { device, person, tokens } = await owned();
  const app = await StrictApp.register(platform);
  const begun = await app.begin();
  const appTokens = await app.exchange(await consent(platform, person, begun.url.href), begun);
  const user = (await introspect(platform, tokens.access_token)).authority?.user;
  const before = await platform.dump();
  const anon = new RegExp(
    `"gid":"[\\w-]+","kind":"app","client_id":"${app.client.client_id}","anon":"([\\w-]+)"`,
  ).exec(before)?.[1];
  expect(anon).toHaveLength(22);

  const page = await person.open(`${platform.didp}/me/delete`);
  const deleting = await person.submit(
    page,
    { decision: "delete" },
    { form: (action) => action === "/me/delete" },
  );
  const receipt = await openWhenDone(person, deleting.url);
  expect(receipt.title).toBe("Everything is deleted");
  for (const token of [tokens.access_token, appTokens.access_token]) {
    expect(await introspect(platform, token)).toEqual({ active: false });
  }
  expect((await told(platform)).revoked).toContainEqual(
    expect.objectContaining({ user, handle: "*", reason: "deleted" }),
  );
  expect(await platform.dump()).not.toContain(anon);

  const jwt = await (await fetch(`${receipt.url}/receipt`)).text();
  const keys = createRemoteJWKSet(new URL(`${platform.didp}/jwks`));
  const { payload } = await jwtVerify(jwt, keys, { issuer: platform.didp });
  const placesOf = (lines: unknown) => (lines as string[]).map((line) => line.split(":")[0]);
  const stores = ["registry", "database", "personal cloud", "stream app", "pseudonymiser"];
  expect(placesOf(payload.stores)).toEqual(stores);
  expect(placesOf(payload.told)).toEqual(["rules of apps"]);
  expect(placesOf(payload.kept)).toEqual(["registry", "personal cloud", "rules of apps"]);
  expect((await person.open(`${platform.didp}/me/apps`)).title).toBe("Who is there?");

  const again = await ownDevice(platform, device, new Person(person.account));
  expect((await introspect(platform, again.access_token)).authority?.user).not.toBe(user);
});
