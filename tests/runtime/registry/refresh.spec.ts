import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { beforeEach, describe, expect, test } from "vitest";
import { seeded } from "../../../engines/testing/random.ts";
import {
  claimDevice,
  GATEWAY,
  gateway,
  newAnon,
  type RegisteredDevice,
  registerDevice,
} from "./registered-device.ts";

beforeEach(async () => {
  await gateway("up");
  await gateway("forget");
});

/** Lets a day pass for this device's grant: the next refresh rotates. */
const passADay = (device: RegisteredDevice) =>
  runInDurableObject(device.stub, (_: DurableObject, state: DurableObjectState) => {
    state.storage.sql.exec(
      "UPDATE grants SET rotated_ms = rotated_ms - 86400000 WHERE client_id = ?",
      device.credentials.oauthClientId,
    );
  });

function tokensOf(result: Awaited<ReturnType<RegisteredDevice["home"]["refreshDevice"]>>) {
  if (!("tokens" in result)) throw new Error(result.error);
  return result.tokens;
}

test("within a day a device keeps its refresh token; then it gets a successor", async () => {
  const device = await registerDevice();
  const { poll, refresh } = await claimDevice(device, newAnon());
  const first = tokensOf(await poll());
  expect(tokensOf(await refresh(first.refreshToken)).refreshToken).toBe(first.refreshToken);
  await passADay(device);
  const next = tokensOf(await refresh(first.refreshToken));
  expect(next.refreshToken).not.toBe(first.refreshToken);
  // The older access token lives on: the connection under it goes on while the device takes the new one.
  expect(await device.home.introspect(GATEWAY, first.accessToken)).toMatchObject({ active: true });
});

test("requests at the same moment get the same successor", async () => {
  const device = await registerDevice();
  const { poll, refresh } = await claimDevice(device, newAnon());
  const first = tokensOf(await poll());
  await refresh(first.refreshToken);
  await passADay(device);
  const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(first.refreshToken)));
  expect(new Set(answers.map((answer) => tokensOf(answer).refreshToken)).size).toBe(1);
});

describe("a copied token", () => {
  test("used by both is caught, the gateway told, and one tap of the owner heals it without the thief", async () => {
    const device = await registerDevice();
    const anon = newAnon();
    const { gid, handle, poll, refresh } = await claimDevice(device, anon);
    const copied = tokensOf(await poll()).refreshToken;
    await refresh(copied);
    await passADay(device);
    const rotated = tokensOf(await refresh(copied));
    await device.home.introspect(GATEWAY, rotated.accessToken);
    expect(await refresh(copied)).toEqual({ error: "invalid_grant" });
    expect(await device.home.introspect(GATEWAY, rotated.accessToken)).toEqual({ active: false });
    expect(await refresh(rotated.refreshToken)).toEqual({ error: "invalid_grant" });
    expect(await gateway()).toContainEqual(expect.objectContaining({ handle, reason: "suspect", epoch: 2 }));
    expect(await device.home.grantOf(gid, anon)).toMatchObject({ status: "suspect" });

    // The device does what its firmware says after invalid_grant: it asks for a device code and waits.
    const { oauthClientId } = device.credentials;
    const code = await device.home.deviceCode(oauthClientId, device.credential);
    const again = () =>
      device.home.pollDeviceCode(oauthClientId, device.credential, code?.deviceCode ?? "", 0);
    expect(await again()).toEqual({ error: "authorization_pending" });
    expect(await device.home.reapprove(gid, newAnon())).toBe(false);
    expect(await device.home.reapprove(gid, anon)).toBe(true);
    const healed = tokensOf(await again());
    expect(await device.home.introspect(GATEWAY, healed.accessToken)).toMatchObject({
      active: true,
      authority: { handle, epoch: 2 },
    });
    for (const old of [copied, rotated.refreshToken])
      expect(await refresh(old)).toEqual({ error: "invalid_grant" });
    expect(await device.home.introspect(GATEWAY, healed.accessToken)).toMatchObject({ active: true });
  });
});

const SEED = 20261122;

test(`3,000 refreshes with lost, doubled and cut requests and answers, seed ${SEED}: no grant is lost`, async () => {
  const device = await registerDevice();
  const { poll, refresh } = await claimDevice(device, newAnon());
  const chance = seeded(SEED);
  let stored: string | undefined;
  let done = 0;
  for (let attempt = 0; done < 3000 && attempt < 20_000; attempt++) {
    const ask = stored === undefined ? poll : () => refresh(stored ?? "");
    if (chance() < 0.15) continue; // the request got lost
    if (chance() < 0.1) await ask(); // it came twice
    const answer = await ask();
    const tokens = tokensOf(answer);
    if (chance() < 0.15) continue; // the answer got lost, or the power went before it was stored
    stored = tokens.refreshToken;
    done++;
    if (chance() < 0.8) {
      expect(await device.home.introspect(GATEWAY, tokens.accessToken)).toMatchObject({ active: true });
    }
    if (chance() < 0.3) await passADay(device);
    if (done % 500 === 0) await evictDurableObject(device.stub); // the server went, too
  }
  expect(done).toBe(3000);
});

test(`every copied token is caught, whoever comes first, in 40 runs from seed ${SEED}`, async () => {
  for (let run = 0; run < 40; run++) {
    const chance = seeded(SEED + run);
    const device = await registerDevice();
    const { poll, refresh } = await claimDevice(device, newAnon());
    const first = tokensOf(await poll()).refreshToken;
    await refresh(first);
    const holders: [string, string] = [first, first];
    let isCaught = false;
    for (let step = 0; step < 60 && !isCaught; step++) {
      await passADay(device);
      const who = chance() < 0.5 ? 0 : 1;
      const answer = await refresh(holders[who]);
      if ("error" in answer) {
        isCaught = true;
      } else {
        holders[who] = answer.tokens.refreshToken;
        await device.home.introspect(GATEWAY, answer.tokens.accessToken);
      }
    }
    expect(isCaught, `run ${run}`).toBe(true);
  }
});
