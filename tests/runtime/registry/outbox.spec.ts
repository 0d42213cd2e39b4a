import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeEach, expect, test } from "vitest";
import { claimDevice, gateway, newAnon, type RegisteredDevice, registerDevice } from "./registered-device.ts";

beforeEach(async () => {
  await gateway("up");
  await gateway("forget");
});

const makeDue = (device: RegisteredDevice) =>
  runInDurableObject(device.stub, (_: DurableObject, state: DurableObjectState) => {
    state.storage.sql.exec("UPDATE outbox SET due_ms = 0");
  });
const waiting = (device: RegisteredDevice) =>
  runInDurableObject(device.stub, (_: DurableObject, state: DurableObjectState): number =>
    Number(state.storage.sql.exec("SELECT count(*) AS n FROM outbox").one().n),
  );
const alarmIn = (device: RegisteredDevice) =>
  runInDurableObject(device.stub, async (_: DurableObject, state: DurableObjectState): Promise<number> => {
    const at = await state.storage.getAlarm();
    return at === null ? Infinity : at - Date.now();
  });

test("the gateway is told of a claim, with the owner's name for it, which is kept nowhere here", async () => {
  const device = await registerDevice();
  const { handle } = await claimDevice(device, newAnon());
  expect(await gateway()).toMatchObject([{ kind: "claimed", device: { handle, name: "Kitchen" } }]);
  const rows = await runInDurableObject(device.stub, (_: DurableObject, state: DurableObjectState): string =>
    ["grants", "device", "client", "outbox", "owned"]
      .map((table) => JSON.stringify(state.storage.sql.exec(`SELECT * FROM ${table}`).toArray()))
      .join("\n"),
  );
  expect(rows).not.toContain("Kitchen");
});

test("a gateway that is away gets the claim from the alarm, under the model's title", async () => {
  const device = await registerDevice();
  await gateway("down");
  const { handle } = await claimDevice(device, newAnon());
  expect(await gateway()).toEqual([]);
  await gateway("up");
  await makeDue(device);
  await runDurableObjectAlarm(device.stub);
  expect(await gateway()).toMatchObject([{ kind: "claimed", device: { handle, name: "Sensor" } }]);
  expect(await waiting(device)).toBe(0);
});

test("a revocation waits for a gateway that is away, through an eviction, and leaves once it is back", async () => {
  const device = await registerDevice();
  const anon = newAnon();
  const { gid, handle } = await claimDevice(device, anon);
  await gateway("forget");
  await gateway("down");
  expect(await device.home.endGrant(gid, anon, "released")).toBe(true);
  expect(await gateway()).toEqual([]);
  expect(await alarmIn(device)).toBeLessThanOrEqual(1000);
  await evictDurableObject(device.stub);
  await gateway("up");
  await makeDue(device);
  await runDurableObjectAlarm(device.stub);
  expect(await gateway()).toMatchObject([{ kind: "revoked", handle, reason: "released", epoch: 2 }]);
  await makeDue(device);
  await runDurableObjectAlarm(device.stub);
  expect(await gateway()).toHaveLength(1);
});

test("a release before the gateway heard of the claim takes the claim back", async () => {
  const device = await registerDevice();
  const anon = newAnon();
  await gateway("down");
  const { gid } = await claimDevice(device, anon);
  await device.home.endGrant(gid, anon, "released");
  await gateway("up");
  await makeDue(device);
  await runDurableObjectAlarm(device.stub);
  expect((await gateway()).map((message) => message.kind)).toEqual(["revoked"]);
});

test("an ended grant is gone after thirty days, a living one is not", async () => {
  const device = await registerDevice();
  const anon = newAnon();
  const first = await claimDevice(device, anon);
  await device.home.endGrant(first.gid, anon, "released");
  const second = await claimDevice(device, anon);
  const grants = () =>
    runInDurableObject(device.stub, (_: DurableObject, state: DurableObjectState): unknown[] =>
      state.storage.sql
        .exec("SELECT gid FROM grants WHERE client_id = ?", device.credentials.oauthClientId)
        .toArray()
        .map((row) => row.gid),
    );
  await runDurableObjectAlarm(device.stub);
  expect(await grants()).toHaveLength(2);
  await runInDurableObject(device.stub, (_: DurableObject, state: DurableObjectState) => {
    state.storage.sql.exec("UPDATE grants SET note_ms = note_ms - 30 * 86400000");
  });
  await runDurableObjectAlarm(device.stub);
  expect(await grants()).toEqual([second.gid]);
});

test("the alarm removes what has expired and comes back in an hour", async () => {
  const device = await registerDevice();
  await device.home.takeAttempt("a", 5, 1);
  await device.home.openSession("session");
  await runInDurableObject(device.stub, (_: DurableObject, state: DurableObjectState) => {
    state.storage.sql.exec("UPDATE session SET expires_ms = 1");
    state.storage.sql.exec("UPDATE attempt SET expires_ms = 1");
  });
  await runDurableObjectAlarm(device.stub);
  const left = await runInDurableObject(
    device.stub,
    (_: DurableObject, state: DurableObjectState): number[] =>
      ["session", "attempt"].map(
        (table) => state.storage.sql.exec(`SELECT * FROM ${table}`).toArray().length,
      ),
  );
  expect(left).toEqual([0, 0]);
  expect(await alarmIn(device)).toBeGreaterThan(3_000_000);
});
