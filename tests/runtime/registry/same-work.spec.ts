import { runInDurableObject } from "cloudflare:test";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { Registry } from "../../../durable-objects/registry/registry.ts";
import { claimDevice, GATEWAY, newAnon, type RegisteredDevice, registerDevice } from "./registered-device.ts";

/*
 * That nobody can tell by the time an answer takes whether something exists: in workerd, with the real object, every
 * statement it runs and every keyed hash or digest it makes is written down, in order. What must not be told apart
 * has to do the same work. (How long the work takes over HTTP is looked at in tests/identity/timing.test.ts.)
 */

/** Everything that the object did, without the values. */
async function workOf(device: RegisteredDevice, act: (registry: Registry) => unknown): Promise<string[]> {
  return runInDurableObject(device.stub, async (instance: DurableObject, state: DurableObjectState) => {
    const work: string[] = [];
    const record = <T extends object>(
      target: T,
      method: keyof T & string,
      name: (sql: unknown) => string,
    ) => {
      const original = Reflect.get(target, method) as (...args: unknown[]) => unknown; // each is a method
      vi.spyOn(target, method as never).mockImplementation(function (this: unknown, ...args: unknown[]) {
        work.push(name(args[0]));
        return original.apply(this, args);
      } as never);
    };
    record(Object.getPrototypeOf(state.storage.sql), "exec", (sql) => String(sql).replaceAll(/\s+/g, " "));
    record(Object.getPrototypeOf(crypto.subtle), "sign", () => "HMAC");
    record(Object.getPrototypeOf(crypto.subtle), "digest", () => "digest");
    try {
      await act(instance as Registry); // the object behind the stub
    } finally {
      vi.restoreAllMocks();
    }
    return work;
  });
}
afterEach(() => vi.restoreAllMocks());

/** The same length and first byte, so that it leads to the same object. */
function another(text: string, from = 2): string {
  const random = newAnon() + newAnon() + newAnon();
  return text.slice(0, from) + random.slice(0, text.length - from);
}
const wrongEnd = (text: string) => `${text.slice(0, -4)}${text.endsWith("AAAA") ? "BBBB" : "AAAA"}`;

let device: RegisteredDevice;
let foreign: RegisteredDevice;
let tokens: { accessToken: string; refreshToken: string };

beforeAll(async () => {
  [device, foreign] = [await registerDevice(), await registerDevice()];
  const first = await (await claimDevice(device, newAnon())).poll();
  if (!("tokens" in first)) throw new Error(first.error);
  tokens = first.tokens;
});

describe("the same work, whether it exists or not", () => {
  test("a printed code: unknown, of an owned device, of a lost one, of a stolen batch", async () => {
    const { claimHash, oauthClientId } = device.credentials;
    const unknown = await workOf(device, (registry) => registry.claimable(another(claimHash)));
    expect(unknown).toHaveLength(2);
    const look = () => workOf(device, (registry) => registry.claimable(claimHash));
    const set = (sql: string) =>
      runInDurableObject(device.stub, (_: DurableObject, state: DurableObjectState) => {
        state.storage.sql.exec(sql, oauthClientId);
      });
    expect(await look()).toEqual(unknown);
    await set(`UPDATE device SET lost_ms = ${Date.now()} WHERE client_id = ?`);
    expect(await look()).toEqual(unknown);
    await set("UPDATE device SET lost_ms = NULL WHERE client_id = ?");
    await set("UPDATE client SET status = 'disabled' WHERE client_id = ?");
    expect(await look()).toEqual(unknown);
    await set("UPDATE client SET status = 'active' WHERE client_id = ?");
  });

  test("a client: unknown, or known with a wrong secret, at every door that takes one", async () => {
    const { oauthClientId } = device.credentials;
    const wrong = { method: "client_secret_basic", secretHash: another("A".repeat(43)) } as const;
    for (const door of [
      (registry: Registry, id: string) => registry.authenticate(id, wrong),
      (registry: Registry, id: string) => registry.deviceCode(id, wrong),
      (registry: Registry, id: string) => registry.pollDeviceCode(id, wrong, "x", 0),
      (registry: Registry, id: string) => registry.refreshDevice(id, wrong, tokens.refreshToken),
      (registry: Registry, id: string) => registry.managedClient(id, wrong.secretHash),
    ]) {
      const known = await workOf(device, (registry) => door(registry, oauthClientId));
      const unknown = await workOf(device, (registry) => door(registry, another(oauthClientId, 4)));
      expect(known).toHaveLength(1);
      expect(unknown).toEqual(known);
    }
  });

  test("an access token: of no grant, or of one with a wrong end", async () => {
    const ask = (token: string) => workOf(device, (registry) => registry.introspect(GATEWAY, token));
    const known = await ask(wrongEnd(tokens.accessToken));
    expect(known.filter((step) => step === "HMAC")).toHaveLength(1);
    expect(await ask(another(tokens.accessToken))).toEqual(known);
  });

  test("a refresh token: of no grant, with a wrong end, or of another device's grant", async () => {
    const ask = (token: string) =>
      workOf(foreign, (registry) =>
        registry.refreshDevice(foreign.credentials.oauthClientId, foreign.credential, token),
      );
    const none = await ask(another(tokens.refreshToken));
    expect(none.filter((step) => step === "HMAC")).toHaveLength(1);
    // Its grant lives in another object perhaps; here its row is missing or it is not this client's.
    expect(await ask(tokens.refreshToken)).toEqual(none);
    expect(await ask(wrongEnd(tokens.refreshToken))).toEqual(none);
    const own = await workOf(device, (registry) =>
      registry.refreshDevice(
        device.credentials.oauthClientId,
        device.credential,
        wrongEnd(tokens.refreshToken),
      ),
    );
    expect(own).toEqual(none);
  });

  test("a code, a ticket, a pushed request: one look-up by keyed hash each", async () => {
    const code = { oauthClientId: "a-x", redirectUri: "x", verifier: "v".repeat(43), bindsGrant: false };
    const steps = await workOf(device, (registry) => registry.exchangeCode({ ...code, code: another("AA") }));
    expect(steps.filter((step) => step === "HMAC" || step === "digest")).toEqual(["HMAC", "digest"]);
    expect(await workOf(device, (registry) => registry.takeRequest(another("AA"), "a-x"))).toHaveLength(1);
  });
});

test("the recorder sees more work where there is more: a right token, and a code that can be claimed", async () => {
  const right = await workOf(device, (registry) => registry.introspect(GATEWAY, tokens.accessToken));
  const wrong = await workOf(device, (registry) =>
    registry.introspect(GATEWAY, wrongEnd(tokens.accessToken)),
  );
  expect(right.filter((step) => step === "HMAC").length).toBeGreaterThan(
    wrong.filter((step) => step === "HMAC").length,
  );
});
