import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asDevice, DEVICE_CODE_GRANT, openFactory, tokenAnswer } from "./support/factory.ts";
import { introspect, openClaim, ownDevice } from "./support/flows.ts";
import { Person } from "./support/person.ts";
import { type Platform, startPlatform } from "./support/platform.ts";
import { errorOf } from "./support/requests.ts";

let platform: Platform;
let factory: Awaited<ReturnType<typeof openFactory>>;

beforeAll(async () => {
  platform = await startPlatform(19_324);
  factory = await openFactory(platform);
});
afterAll(() => platform.stop());

describe("devices", () => {
  test("a device code of another device is refused, and changes nothing", async () => {
    const [own, foreign] = [await factory.make(), await factory.make()];
    const [post, postForeign] = [asDevice(platform, own), asDevice(platform, foreign)];
    const { device_code } = (await (await post("/device_authorization", {})).json()) as {
      device_code: string;
    };
    const body = { grant_type: DEVICE_CODE_GRANT, device_code };
    expect(await errorOf(postForeign("/token", body))).toEqual([400, "invalid_grant"]);
    expect(await errorOf(post("/token", body))).toEqual([400, "authorization_pending"]);
    expect(await errorOf(post("/token", body))).toEqual([400, "slow_down"]);
  });

  test("a wrong secret and an unknown device get the same answer", async () => {
    const device = await factory.make();
    const answers = await Promise.all(
      [
        {
          ...device,
          client_secret: `${device.client_secret.slice(0, -1)}${device.client_secret.endsWith("A") ? "B" : "A"}`,
        },
        { ...device, client_id: "d-AAAAAAAAAAAAAAAAAAAAAA" },
        { ...device, client_id: "nobody" },
      ].map(async (wrong) => {
        const answer = await asDevice(platform, wrong)("/token", {
          grant_type: "refresh_token",
          refresh_token: "x",
        });
        return {
          status: answer.status,
          body: await answer.text(),
          asks: answer.headers.get("www-authenticate"),
        };
      }),
    );
    expect(answers[0]).toMatchObject({ status: 401, asks: 'Basic realm="edgenym", charset="UTF-8"' });
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  });

  test("guessing refresh tokens changes nothing", async () => {
    const device = await factory.make();
    const tokens = await ownDevice(platform, device, new Person("heidi"));
    const post = asDevice(platform, device);
    const bytes = Buffer.from(tokens.refresh_token, "base64url");
    for (let index = 0; index < bytes.length; index++) {
      const guess = Buffer.from(bytes);
      guess[index] = (guess[index] ?? 0) ^ 1;
      const body = { grant_type: "refresh_token", refresh_token: guess.toString("base64url") };
      expect(await errorOf(post("/token", body))).toEqual([400, "invalid_grant"]);
    }
    expect((await introspect(platform, tokens.access_token)).active).toBe(true);
    const real = await tokenAnswer(
      post("/token", { grant_type: "refresh_token", refresh_token: tokens.refresh_token }),
    );
    expect(real.status).toBe(200);
  });

  test("a refresh token is worth nothing to another client", async () => {
    const [own, foreign] = [await factory.make(), await factory.make()];
    const tokens = await ownDevice(platform, own, new Person("heidi"));
    const body = { grant_type: "refresh_token", refresh_token: tokens.refresh_token };
    expect(await errorOf(asDevice(platform, foreign)("/token", body))).toEqual([400, "invalid_grant"]);
    expect(await errorOf(asDevice(platform, own)("/token", body))).toEqual([200, undefined]);
  });

  test("a token is worth nothing at another gateway, cut short, or made up", async () => {
    const tokens = await ownDevice(platform, await factory.make(), new Person("heidi"));
    const inactive = { active: false };
    expect(await introspect(platform, tokens.access_token, "https://other.example")).toEqual(inactive);
    for (const wrong of [
      tokens.access_token.slice(0, -1),
      `${tokens.access_token}A`,
      tokens.refresh_token,
      "",
      "x",
    ]) {
      expect(await introspect(platform, wrong)).toEqual(inactive);
    }
  });

  test("unknown, owned and malformed codes get the same page, and the sixth wrong try in a minute is refused", async () => {
    const device = await factory.make();
    await ownDevice(platform, device, new Person("ivan"));
    const judy = new Person("judy", "203.0.113.9");
    const start = await judy.open(`${platform.didp}/d`);
    const pages = [];
    for (const code of [device.user_code, "A".repeat(26), "nonsense", "", `${"B".repeat(25)}A`]) {
      const page = await judy.submit(start, { code });
      expect(page.status).toBe(404);
      pages.push(page.html);
    }
    expect(new Set(pages).size).toBe(1);
    expect((await judy.submit(start, { code: "nonsense" })).status).toBe(429);
    const neighbour = new Person("judy", "203.0.113.77");
    const other = await neighbour.submit(await neighbour.open(`${platform.didp}/d`), { code: "nonsense" });
    expect(other.status).toBe(429);
  });
});

describe("registration", () => {
  test("without a token, with a wrong one, or for a foreign product it is refused", async () => {
    const anonymous = await fetch(`${platform.didp}/register`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ software_id: "room-sensor", grant_types: [DEVICE_CODE_GRANT] }),
    });
    expect(anonymous.status).toBe(401);
    expect(await errorOf(factory.register({}, { authorization: "Bearer wrong" }))).toEqual([
      401,
      "invalid_token",
    ]);
    expect(await errorOf(factory.register({ software_id: "other" }))).toEqual([403, "access_denied"]);
  });

  test("a quota cannot be exceeded, not even by registrations at the same time", async () => {
    const small = await openFactory(platform, { maxCount: 5 });
    const answers = await Promise.all(Array.from({ length: 12 }, () => small.register()));
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(5);
    expect(answers.filter((answer) => answer.status === 403)).toHaveLength(7);
  });

  test("a repeated request gives the same device at no cost; the key with another body is refused", async () => {
    const small = await openFactory(platform, { maxCount: 2 });
    const key = { "idempotency-key": crypto.randomUUID() };
    const [once, again] = [await small.register({}, key), await small.register({}, key)];
    expect(await again.json()).toEqual(await once.json());
    expect(await errorOf(small.register({ software_version: "2" }, key))).toEqual([
      409,
      "already_registered",
    ]);
    expect((await small.register()).status).toBe(201);
    expect((await small.register()).status).toBe(403);
  });

  test("the same device reference twice is refused, and the reference is stored nowhere", async () => {
    expect((await factory.register({ device_ref: "serial-canary-17" })).status).toBe(201);
    expect(await errorOf(factory.register({ device_ref: "serial-canary-17" }))).toEqual([
      409,
      "already_registered",
    ]);
    expect(await platform.dump()).not.toContain("serial-canary-17");
  });

  test("management needs the client's own registration token", async () => {
    const [own, other] = [await factory.make(), await factory.make()];
    const get = (token: string) =>
      fetch(own.registration_client_uri, { headers: { authorization: `Bearer ${token}` } });
    expect((await get(other.registration_access_token)).status).toBe(401);
    const mine = await get(own.registration_access_token);
    expect(await mine.json()).toMatchObject({ client_id: own.client_id, software_id: "room-sensor" });
  });
});

test("a person with a code in hand still needs to log in", async () => {
  const device = await factory.make();
  await asDevice(platform, device)("/device_authorization", {});
  const mallory = new Person("mallory");
  const login = await mallory.submit(await mallory.open(`${platform.didp}/d`), { code: device.user_code });
  expect(login.title).toBe("Who is there?");
  const page = await openClaim(platform, new Person("nina"), device.user_code);
  expect(page.title).toBe("Make this Room sensor yours?");
});
