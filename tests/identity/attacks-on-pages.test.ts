import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { StrictApp } from "./support/app.ts";
import { openFactory } from "./support/factory.ts";
import { consent, ownDevice } from "./support/flows.ts";
import { Person } from "./support/person.ts";
import { type Platform, startPlatform } from "./support/platform.ts";
import { errorOf, postForm } from "./support/requests.ts";

let platform: Platform;
let factory: Awaited<ReturnType<typeof openFactory>>;

beforeAll(async () => {
  platform = await startPlatform(19_520);
  factory = await openFactory(platform);
});
afterAll(() => platform.stop());

describe("pages", () => {
  test("a consent page cannot be framed, runs no inline script and sends its forms to two places only", async () => {
    const app = await StrictApp.register(platform);
    const alice = new Person("alice");
    const login = await alice.open((await app.begin()).url.href);
    const page = await alice.logIn(login);
    expect(page.title).toBe("Room chart asks for access");
    const policy = page.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain(`form-action 'self' ${platform.gateway} http://127.0.0.1:9;`);
    expect(page.headers.get("x-frame-options")).toBe("DENY");
    expect(page.html).not.toMatch(/<script>|style=|onclick|javascript:/);
    expect(page.headers.get("cache-control")).toBe("no-store");
  });

  test("an app's name cannot become markup", async () => {
    const app = await StrictApp.register(platform, { client_name: '"><img src=x onerror=alert(1)>' });
    const alice = new Person("alice");
    const page = await alice.logIn(await alice.open((await app.begin()).url.href));
    expect(page.html).not.toContain("<img");
  });

  test.each([
    ["from another site", { origin: "https://evil.example" }, {}],
    ["from another site, by its fetch metadata", { "sec-fetch-site": "cross-site" }, {}],
    ["with another session's token", {}, { csrf: "A".repeat(43) }],
    ["without a token", {}, { csrf: "" }],
  ])("a consent posted %s is refused", async (_, headers, fields) => {
    const app = await StrictApp.register(platform);
    const alice = new Person("alice");
    const page = await alice.logIn(await alice.open((await app.begin()).url.href));
    const answer = await alice.submit(
      page,
      { decision: "approve", ...fields },
      { stopAt: /\/consent\//, headers },
    );
    expect(answer.status).toBe(403);
  });

  test("a claim posted from another site is refused and counts as nothing", async () => {
    const mallory = new Person("mallory");
    const start = await mallory.open(`${platform.didp}/d`);
    const answer = await mallory.submit(
      start,
      { code: "X" },
      { headers: { origin: "https://evil.example" } },
    );
    expect(answer.status).toBe(403);
  });

  test("one person's consent page is nobody else's", async () => {
    const app = await StrictApp.register(platform);
    const [alice, mallory] = [new Person("alice"), new Person("mallory")];
    const page = await alice.logIn(await alice.open((await app.begin()).url.href));
    await mallory.logIn(await mallory.open(`${platform.didp}/me/apps`));
    expect((await mallory.open(page.url)).status).toBe(404);
  });

  test("a login that another browser began is refused (login CSRF)", async () => {
    const [alice, mallory] = [new Person("alice"), new Person("mallory")];
    const start = await mallory.open(`${platform.didp}/me/apps`);
    let page = await mallory.submit(start, {}, { form: (action) => action.startsWith("/login/") });
    page = await mallory.submit(page, { prompt: "login", login: "mallory", password: "x" });
    const callback = await mallory.submit(page, {}, { stopAt: /\/callback\// });
    expect(callback.url).toContain("/callback/local?");
    expect((await alice.open(callback.url)).status).toBe(403);
    await alice.open(`${platform.didp}/d`);
    expect((await alice.open(callback.url)).status).toBe(403);
    // It is hers still, once; and a callback from another issuer is no answer to it (mix-up).
    const mixed = new URL(callback.url);
    mixed.searchParams.set("iss", "https://evil.example");
    expect((await mallory.open(mixed.href)).status).toBe(403);
    expect((await mallory.open(callback.url)).status).toBe(403);
  });

  test("a login ends on our own pages only (open redirect)", async () => {
    for (const to of [
      "https://evil.example",
      "//evil.example",
      "/\\evil.example",
      "/claim/../x",
      "javascript:1",
    ]) {
      const page = await new Person("alice").open(`${platform.didp}/login?to=${encodeURIComponent(to)}`);
      expect(page.forms.map((one) => one.hidden.to)).toEqual(["/me/devices"]);
    }
  });

  test("a login gives the session another name (fixation)", async () => {
    const alice = new Person("alice");
    await alice.open(`${platform.didp}/d`);
    const before = alice.cookie(platform.didp, "edgenym-didp");
    await alice.logIn(await alice.open(`${platform.didp}/me/apps`));
    const after = alice.cookie(platform.didp, "edgenym-didp");
    expect(after).not.toBe(before);
    const stale = await fetch(`${platform.didp}/me/apps`, { headers: { cookie: `edgenym-didp=${before}` } });
    expect(await stale.text()).toContain("Who is there?");
  });
});

describe("bodies", () => {
  test("an oversize body is refused", async () => {
    const answer = await postForm(
      platform,
      "/token",
      `grant_type=refresh_token&refresh_token=${"A".repeat(70_000)}`,
    );
    expect(answer.status).toBe(413);
  });

  test.each([
    ["/token", "{}", "application/json", "invalid_request"],
    ["/token", "", "application/x-www-form-urlencoded", "invalid_request"],
    ["/register", "{", "application/json", "invalid_client_metadata"],
    ["/register", "[]", "application/json", "invalid_client_metadata"],
    ["/register", "a=b", "application/x-www-form-urlencoded", "invalid_client_metadata"],
    ["/par", "client_id=x", "application/x-www-form-urlencoded", "invalid_client"],
    ["/revoke", "token=x", "application/x-www-form-urlencoded", "invalid_client"],
    [
      "/device_authorization",
      "client_id=d-AAAAAAAAAAAAAAAAAAAAAA",
      "application/x-www-form-urlencoded",
      "invalid_client",
    ],
  ])("POST %s with %j as %s: %s", async (path, body, type, error) => {
    expect((await errorOf(postForm(platform, path, body, { "content-type": type })))[1]).toBe(error);
  });

  test("an unknown grant type and the password grant are refused", async () => {
    const app = await StrictApp.register(platform);
    for (const grant_type of ["password", "implicit", "urn:ietf:params:oauth:grant-type:token-exchange"]) {
      const body = { grant_type, client_id: app.client.client_id };
      expect(await errorOf(postForm(platform, "/token", body))).toEqual([400, "unsupported_grant_type"]);
    }
    const own = { grant_type: "client_credentials", client_id: app.client.client_id };
    expect(await errorOf(postForm(platform, "/token", own))).toEqual([400, "unauthorized_client"]);
  });
});

describe("what stays behind", () => {
  test("no secret of any flow is in a store or a line of the log", async () => {
    const device = await factory.make();
    const tokens = await ownDevice(platform, device, new Person("canary-lena"), "canary-name");
    const app = await StrictApp.register(platform, { token_endpoint_auth_method: "client_secret_basic" });
    const begun = await app.push();
    const callback = await consent(platform, new Person("canary-lena"), begun.url.href);
    const appTokens = await app.exchange(callback, begun);
    const everything = `${await platform.dump()}\n${platform.log.join("\n")}`;
    const secrets = [
      device.client_secret,
      device.user_code,
      device.registration_access_token,
      tokens.access_token,
      tokens.refresh_token,
      tokens.deviceCode,
      String(app.client.client_secret),
      callback.searchParams.get("code") ?? "",
      begun.verifier,
      appTokens.access_token,
      appTokens.refresh_token ?? "",
      platform.operatorToken,
      factory.token,
    ];
    for (const secret of secrets) expect(everything.includes(secret), secret.slice(0, 6)).toBe(false);
    expect(everything).not.toContain("canary");
    expect(everything).toContain("Room chart");
    expect(platform.log.join("\n")).not.toContain(device.client_id);
    expect(platform.log.filter((line) => line.includes("unexpected-error"))).toEqual([]);
  });
});
