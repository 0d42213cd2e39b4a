import { beforeEach, expect, test } from "vitest";
import {
  claimDevice,
  GATEWAY,
  gateway,
  model,
  newAnon,
  registerDevice,
  registryOfUser,
} from "./registered-device.ts";

beforeEach(async () => {
  await gateway("up");
  await gateway("forget");
});

test("of two people who claim at once, one owns it and the other is told that it is taken", async () => {
  const device = await registerDevice();
  const { oauthClientId, claimHash } = device.credentials;
  await device.home.deviceCode(oauthClientId, device.credential);
  const results = await Promise.all(
    [newAnon(), newAnon()].map((anon) => device.home.claim(claimHash, anon, GATEWAY, model, "Mine")),
  );
  expect(results.map((result) => result.kind).sort()).toEqual(["already_claimed", "claimed"]);
});

test("the device code gives the same refresh token until it has been used, and then nothing more", async () => {
  const device = await registerDevice();
  const claimed = await claimDevice(device, newAnon());
  const [first, second] = [await claimed.poll(), await claimed.poll()];
  if (!("tokens" in first) || !("tokens" in second)) throw new Error("no tokens");
  expect(second.tokens.refreshToken).toBe(first.tokens.refreshToken);
  // The answer that got lost must not leave a second living key behind.
  expect(await device.home.introspect(GATEWAY, first.tokens.accessToken)).toEqual({ active: false });
  expect(await device.home.introspect(GATEWAY, second.tokens.accessToken)).toMatchObject({ active: true });
  expect(await claimed.poll()).toEqual({ error: "authorization_pending" });
  expect(await claimed.refresh(first.tokens.refreshToken)).toHaveProperty("tokens");
});

test("a device that lost its code asks again and gets the same one, and after a no a new one", async () => {
  const device = await registerDevice();
  const ask = () => device.home.deviceCode(device.credentials.oauthClientId, device.credential);
  const [first, second] = [await ask(), await ask()];
  expect(second?.deviceCode).toBe(first?.deviceCode);
  await device.home.denyClaim(device.credentials.claimHash);
  const poll = (code: string) =>
    device.home.pollDeviceCode(device.credentials.oauthClientId, device.credential, code, 0);
  expect(await poll(first?.deviceCode ?? "")).toEqual({ error: "access_denied" });
  expect((await ask())?.deviceCode).not.toBe(first?.deviceCode);
});

test("a device that is not switched on cannot be claimed", async () => {
  const device = await registerDevice();
  const { claimHash } = device.credentials;
  expect(await device.home.claimable(claimHash)).toMatchObject({ isOnline: false });
  expect(await device.home.claim(claimHash, newAnon(), GATEWAY, model, "x")).toEqual({ kind: "offline" });
});

test("an owner's list has the device, and no longer after its release; every owner gets another handle", async () => {
  const device = await registerDevice();
  const [first, second] = [newAnon(), newAnon()];
  const before = await claimDevice(device, first);
  expect(await registryOfUser(first).ownedDevices(first)).toMatchObject([
    { gid: before.gid, handle: before.handle },
  ]);
  expect(await device.home.endGrant(before.gid, second, "released")).toBe(false);
  expect(await device.home.endGrant(before.gid, first, "released")).toBe(true);
  expect(await registryOfUser(first).ownedDevices(first)).toEqual([]);
  const after = await claimDevice(device, second);
  expect(after.handle).not.toBe(before.handle);
  expect(after.gid).not.toBe(before.gid);
});

test("the next owner's device code does not answer the former owner's tokens", async () => {
  const device = await registerDevice();
  const [first, second] = [newAnon(), newAnon()];
  const before = await claimDevice(device, first);
  const old = await before.poll();
  if (!("tokens" in old)) throw new Error("no tokens");
  await device.home.endGrant(before.gid, first, "released");
  await claimDevice(device, second);
  expect(await before.refresh(old.tokens.refreshToken)).toEqual({ error: "invalid_grant" });
  expect(await device.home.introspect(GATEWAY, old.tokens.accessToken)).toEqual({ active: false });
});
