import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, expect, test } from "vitest";
import { StrictApp } from "./support/app.ts";
import { asDevice, DEVICE_CODE_GRANT, type MadeDevice, openFactory, tokenAnswer } from "./support/factory.ts";
import { consent, introspect, openClaim, ownDevice, told } from "./support/flows.ts";
import { Person } from "./support/person.ts";
import { type Platform, startPlatform } from "./support/platform.ts";

let platform: Platform;
let factory: Awaited<ReturnType<typeof openFactory>>;

beforeAll(async () => {
  platform = await startPlatform(19310);
  factory = await openFactory(platform);
});
afterAll(() => platform.stop());

test("a device is made, switched on, claimed by typed code and gets tokens for its gateway", async () => {
  const device = await factory.make();
  expect(device.user_registration_uri).toBe(`${platform.didp}/d#${device.user_code}`);
  const alice = new Person("alice");

  const waiting = await openClaim(platform, alice, device.user_code);
  expect(waiting.title).toBe("Waiting for the device…");

  const post = asDevice(platform, device);
  const started = (await (await post("/device_authorization", {})).json()) as { device_code: string };
  const poll = () =>
    tokenAnswer(post("/token", { grant_type: DEVICE_CODE_GRANT, device_code: started.device_code }));
  expect(await poll()).toMatchObject({ status: 400, error: "authorization_pending" });

  const confirm = await alice.open(waiting.url);
  expect(confirm.title).toBe("Make this Room sensor yours?");
  const done = await alice.submit(confirm, { name: "Kitchen", decision: "approve" });
  expect(done.title).toBe("The Room sensor is yours");

  const tokens = await poll();
  expect(tokens).toMatchObject({ status: 200, token_type: "Bearer", scope: "device:publish device:command" });
  expect(tokens.gateway_uri).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/mqtt\/[\w-]+$/);
  const answer = await introspect(platform, tokens.access_token);
  const claimed = (await told(platform)).claimed.at(-1);
  expect(answer).toMatchObject({
    active: true,
    authority: { kind: "device", user: claimed?.user, handle: claimed?.device.handle, epoch: 1 },
  });
  expect(claimed?.device.name).toBe("Kitchen");
  expect((await alice.open(done.url)).title).toBe("Your Room sensor is connected");
  expect((await alice.open(`${platform.didp}/me/devices`)).html).toContain("has its key");
});

test("a strict OAuth client drives the device grant and the refresh", async () => {
  const device = await factory.make();
  const issuer = new URL(platform.didp);
  const insecure = { [oauth.allowInsecureRequests]: true } as const;
  const server = await oauth.processDiscoveryResponse(
    issuer,
    await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...insecure }),
  );
  const client = { client_id: device.client_id };
  const auth = oauth.ClientSecretBasic(device.client_secret);
  const started = await oauth.processDeviceAuthorizationResponse(
    server,
    client,
    await oauth.deviceAuthorizationRequest(server, client, auth, {}, insecure),
  );
  const bob = new Person("bob");
  await bob.submit(await openClaim(platform, bob, device.user_code), { decision: "approve" });
  const first = await oauth.processDeviceCodeResponse(
    server,
    client,
    await oauth.deviceCodeGrantRequest(server, client, auth, started.device_code, insecure),
  );
  const next = await oauth.processRefreshTokenResponse(
    server,
    client,
    await oauth.refreshTokenGrantRequest(server, client, auth, first.refresh_token ?? "", insecure),
  );
  expect((await introspect(platform, next.access_token)).active).toBe(true);
});

test.each([
  ["a browser app", { token_endpoint_auth_method: "none" }, "begin"],
  ["a browser app that pushes its request", { token_endpoint_auth_method: "none" }, "push"],
  ["an app with a secret", { token_endpoint_auth_method: "client_secret_basic" }, "push"],
] as const)("%s: registration, consent, code, refresh, end by the owner", async (_, metadata, way) => {
  const carol = new Person("carol");
  const app = await StrictApp.register(platform, metadata);
  const begun = await app[way]();
  const callback = await consent(platform, carol, begun.url.href);
  expect(callback.searchParams.get("iss")).toBe(platform.didp);
  const tokens = await app.exchange(callback, begun);
  expect(tokens).toMatchObject({
    expires_in: expect.toSatisfy((seconds: number) => seconds > 595 && seconds <= 600),
    scope: "view:read view:control",
    authorization_details: [{ type: "iot_access", actions: ["read", "command"], purpose: "A chart" }],
  });
  const answer = await introspect(platform, tokens.access_token);
  expect(answer).toMatchObject({ active: true, authority: { kind: "app" } });

  const next = await app.refresh(tokens.refresh_token ?? "");
  expect(next.refresh_token).not.toBe(tokens.refresh_token);
  expect((await introspect(platform, next.access_token)).active).toBe(true);

  const list = await carol.open(`${platform.didp}/me/apps`);
  expect(list.html).toContain("Room chart");
  await carol.submit(list, { decision: "revoke" }, { form: (action) => action.endsWith("/revoke") });
  expect(await introspect(platform, next.access_token)).toEqual({ active: false });
  expect((await told(platform)).revoked).toContainEqual(
    expect.objectContaining({ handle: answer.authority?.handle, reason: "revoked", epoch: 2 }),
  );
  await expect(app.refresh(next.refresh_token ?? "")).rejects.toThrow();
  expect((await carol.open(`${platform.didp}/me/apps`)).html).toContain("No app has access");
});

test("an app ends its own grant by revoking a token, and an unknown token is revoked with 200", async () => {
  const app = await StrictApp.register(platform);
  const begun = await app.begin();
  const tokens = await app.exchange(await consent(platform, new Person("dave"), begun.url.href), begun);
  await app.revoke("an unknown token");
  expect((await introspect(platform, tokens.access_token)).active).toBe(true);
  await app.revoke(tokens.refresh_token ?? "");
  expect(await introspect(platform, tokens.access_token)).toEqual({ active: false });
});

test("the owner's no, on either page, goes back to the app as access_denied with iss and state", async () => {
  const app = await StrictApp.register(platform);
  const erin = new Person("erin");
  const second = await app.begin();
  const refused = await consent(platform, erin, second.url.href, "denied");
  expect(Object.fromEntries(refused.searchParams)).toEqual({
    error: "access_denied",
    state: second.state,
    iss: platform.didp,
  });
  const first = await app.begin();
  const page = await erin.open(first.url.href);
  const back = await erin.submit(page, { decision: "deny" }, { stopAt: /127\.0\.0\.1:9\// });
  expect(new URL(back.url).searchParams.get("error")).toBe("access_denied");
});

test("the same person gets the same pseudonym, another person another, and neither is in any store", async () => {
  const users: (string | undefined)[] = [];
  for (const account of ["canary-frank", "canary-frank", "canary-grace"]) {
    const device: MadeDevice = await factory.make();
    const tokens = await ownDevice(platform, device, new Person(account));
    users.push((await introspect(platform, tokens.access_token)).authority?.user);
  }
  expect(users[0]).toBe(users[1]);
  expect(users[0]).not.toBe(users[2]);
  const everything = `${await platform.dump()}\n${platform.log.join("\n")}`;
  expect(everything).not.toContain("canary");
});
