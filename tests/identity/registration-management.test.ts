import { exportJWK, generateKeyPair } from "jose";
import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { insecure, StrictApp } from "./support/app.ts";
import { asDevice, type MadeDevice, openFactory, SOFTWARE_ID } from "./support/factory.ts";
import { openClaim, ownDevice } from "./support/flows.ts";
import { Person } from "./support/person.ts";
import { type Platform, startPlatform } from "./support/platform.ts";

let platform: Platform;
let factory: Awaited<ReturnType<typeof openFactory>>;

beforeAll(async () => {
  platform = await startPlatform(19_420);
  factory = await openFactory(platform);
});
afterAll(() => platform.stop());

/** A request to a registration's own address, with its own token (RFC 7592). */
async function manage(
  client: MadeDevice | oauth.Client,
  method: "GET" | "PUT",
  body?: object,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(String(client.registration_client_uri), {
    method,
    headers: {
      authorization: `Bearer ${client.registration_access_token}`,
      "content-type": "application/json",
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

const without = (fields: object, ...names: string[]) =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));

/** What a PUT for a device has to hold. */
const put = (device: MadeDevice, changes: object = {}) => ({
  client_id: device.client_id,
  client_name: "Sensor",
  software_id: SOFTWARE_ID,
  software_version: "1.0",
  token_endpoint_auth_method: "client_secret_basic",
  ...changes,
});

describe("what a registration says later", () => {
  test("a device: everything that it said at first but the secrets, which are not kept", async () => {
    const device = await factory.make({ claim_policy: "button" });
    const { status, body } = await manage(device, "GET");
    expect([status, body]).toEqual([
      200,
      without(device, "client_secret", "user_code", "user_registration_uri"),
    ]);
    expect(body).toHaveProperty("mqtt_token_endpoint");
  });

  test("a device with a key of its own: its key, and no word of a secret", async () => {
    const { publicKey } = await generateKeyPair("ES256", { extractable: true });
    const jwks = { keys: [await exportJWK(publicKey)] };
    const device = await factory.make({ token_endpoint_auth_method: "private_key_jwt", jwks });
    const { body } = await manage(device, "GET");
    expect(body).toEqual(without(device, "user_code", "user_registration_uri"));
    expect(body.jwks).toEqual(jwks);
    expect(Object.keys(body).filter((name) => name.includes("secret"))).toEqual([]);
  });

  test.each(["none", "client_secret_basic"])("an app with %s", async (token_endpoint_auth_method) => {
    const { client } = await StrictApp.register(platform, { token_endpoint_auth_method });
    expect((await manage(client, "GET")).body).toEqual(without(client, "client_secret"));
  });
});

describe("a change", () => {
  test("of a policy holds from then on, not only in the answer", async () => {
    const device = await factory.make();
    await asDevice(platform, device)("/device_authorization", {});
    const changed = await manage(device, "PUT", put(device, { claim_policy: "button" }));
    expect([changed.status, changed.body.claim_policy]).toEqual([200, "button"]);
    const page = await openClaim(platform, new Person("alice"), device.user_code);
    expect(page.title).toBe("Show that you are at the device");
  });

  test("of an owned device's keys or policies is not its factory's to make; its version is", async () => {
    const device = await factory.make();
    await ownDevice(platform, device, new Person("bob"));
    for (const changes of [{ reset_policy: "possession_is_ownership" }, { claim_policy: "possession" }]) {
      const refused = await manage(device, "PUT", put(device, changes));
      expect([refused.status, refused.body.error]).toEqual([403, "access_denied"]);
    }
    const newer = await manage(device, "PUT", put(device, { software_version: "2.0" }));
    expect([newer.status, newer.body.software_version]).toEqual([200, "2.0"]);
    expect((await manage(device, "GET")).body).toMatchObject({ reset_policy: "owner_confirms" });
  });

  test("of an owned device's public key is refused: who holds it could speak for the device", async () => {
    const [own, foreign] = [
      await generateKeyPair("ES256", { extractable: true }),
      await generateKeyPair("ES256", { extractable: true }),
    ];
    const key = { token_endpoint_auth_method: "private_key_jwt" };
    const device = await factory.make({ ...key, jwks: { keys: [await exportJWK(own.publicKey)] } });
    const swap = put(device, { ...key, jwks: { keys: [await exportJWK(foreign.publicKey)] } });
    const server = {
      issuer: platform.didp,
      device_authorization_endpoint: `${platform.didp}/device_authorization`,
    };
    const { client_id } = device;
    const auth = oauth.PrivateKeyJwt(own.privateKey);
    await oauth.deviceAuthorizationRequest(server, { client_id }, auth, {}, insecure);
    const carol = new Person("carol");
    const page = await openClaim(platform, carol, device.user_code);
    expect((await carol.submit(page, { decision: "approve" })).title).toBe("The Room sensor is yours");
    const refused = await manage(device, "PUT", swap);
    expect([refused.status, refused.body.error]).toEqual([403, "access_denied"]);
  });

  test("with a secret along has to bring the right one, and cannot set another", async () => {
    const device = await factory.make();
    const right = await manage(device, "PUT", put(device, { client_secret: device.client_secret }));
    expect(right.status).toBe(200);
    for (const client_secret of ["of-my-own-choice", "", 7, null]) {
      const wrong = await manage(device, "PUT", put(device, { client_secret }));
      expect([wrong.status, wrong.body.error]).toEqual([400, "invalid_client_metadata"]);
    }
  });
});
