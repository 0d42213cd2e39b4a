import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { REDIRECT_URI, StrictApp } from "./support/app.ts";
import { asDevice, DEVICE_CODE_GRANT, openFactory, tokenAnswer } from "./support/factory.ts";
import { choose, consent, introspect, openClaim, ownDevice, told } from "./support/flows.ts";
import { Person } from "./support/person.ts";
import { type Platform, startPlatform } from "./support/platform.ts";

let platform: Platform;
let factory: Awaited<ReturnType<typeof openFactory>>;

beforeAll(async () => {
  platform = await startPlatform(19320);
  factory = await openFactory(platform);
});
afterAll(() => platform.stop());

const form = (path: string, body: string | Record<string, string>, headers: Record<string, string> = {}) =>
  fetch(`${platform.didp}${path}`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
    body: typeof body === "string" ? body : new URLSearchParams(body).toString(),
  });
const errorOf = async (response: Promise<Response>) => {
  const answer = await response;
  return [answer.status, ((await answer.json()) as { error?: string; code?: string }).error];
};

describe("codes", () => {
  test("a code replayed ends the tokens that came of it", async () => {
    const app = await StrictApp.register(platform);
    const begun = await app.begin();
    const callback = await consent(platform, new Person("alice"), begun.url.href);
    const tokens = await app.exchange(callback, begun);
    expect((await introspect(platform, tokens.access_token)).active).toBe(true);
    await expect(app.exchange(callback, begun)).rejects.toMatchObject({ error: "invalid_grant" });
    expect(await introspect(platform, tokens.access_token)).toEqual({ active: false });
    await expect(app.refresh(tokens.refresh_token ?? "")).rejects.toMatchObject({ error: "invalid_grant" });
  });

  test("a code injected into another app's client is refused and still works for its own", async () => {
    const [app, thief] = [await StrictApp.register(platform), await StrictApp.register(platform)];
    const begun = await app.begin();
    const callback = await consent(platform, new Person("alice"), begun.url.href);
    await expect(thief.exchange(callback, begun)).rejects.toMatchObject({ error: "invalid_grant" });
    expect((await app.exchange(callback, begun)).access_token).toBeTypeOf("string");
  });

  test("a code injected into another browser's session of the same app fails its PKCE and is spent", async () => {
    const app = await StrictApp.register(platform);
    const victim = await app.begin();
    const other = await app.begin();
    const callback = await consent(platform, new Person("alice"), victim.url.href);
    await expect(app.exchange(callback, { ...other, state: victim.state })).rejects.toMatchObject({
      error: "invalid_grant",
    });
    await expect(app.exchange(callback, victim)).rejects.toMatchObject({ error: "invalid_grant" });
  });

  test("a code with another redirect URI at the token endpoint is refused", async () => {
    const app = await StrictApp.register(platform);
    const begun = await app.begin();
    const callback = await consent(platform, new Person("alice"), begun.url.href);
    expect(
      await errorOf(
        form("/token", {
          grant_type: "authorization_code",
          client_id: app.client.client_id,
          code: callback.searchParams.get("code") ?? "",
          code_verifier: begun.verifier,
          redirect_uri: `${REDIRECT_URI}/`,
        }),
      ),
    ).toEqual([400, "invalid_grant"]);
  });

  test("a made-up code is refused", async () => {
    const app = await StrictApp.register(platform);
    for (const code of ["x", "A".repeat(43), "%00", "é"]) {
      const body = {
        grant_type: "authorization_code",
        client_id: app.client.client_id,
        code,
        redirect_uri: REDIRECT_URI,
      };
      expect(await errorOf(form("/token", body))).toEqual([400, "invalid_grant"]);
    }
  });
});

describe("the authorization endpoint", () => {
  test.each([
    ["a changed redirect URI", { redirect_uri: "http://127.0.0.1:9/other" }],
    ["a redirect URI with something appended", { redirect_uri: `${REDIRECT_URI}?next=https://evil.example` }],
    ["a foreign redirect URI", { redirect_uri: "https://evil.example/" }],
    ["a script as redirect URI", { redirect_uri: "javascript:alert(1)" }],
    ["no redirect URI", { redirect_uri: "" }],
    ["an unknown client", { client_id: "a-AAAAAAAAAAAAAAAAAAAAAA" }],
    ["no client", { client_id: "" }],
    ["a device's client id", { client_id: "d-AAAAAAAAAAAAAAAAAAAAAA" }],
  ])("%s gets an error page and no redirect", async (_, changes) => {
    const app = await StrictApp.register(platform);
    const { url } = await app.begin(changes);
    const answer = await fetch(url, { redirect: "manual", headers: { accept: "text/html" } });
    expect(answer.status).toBe(400);
    expect(answer.headers.get("location")).toBeNull();
    expect(await answer.text()).not.toContain("evil.example");
  });

  test.each([
    ["PKCE missing", { code_challenge: "", code_challenge_method: "" }, "invalid_request"],
    ["PKCE plain", { code_challenge_method: "plain" }, "invalid_request"],
    ["PKCE without a method", { code_challenge_method: "" }, "invalid_request"],
    ["the implicit flow", { response_type: "token" }, "unsupported_response_type"],
    ["another gateway", { resource: "https://evil.example" }, "invalid_target"],
    ["unknown details", { authorization_details: '[{"type":"x"}]' }, "invalid_authorization_details"],
    ["an unknown scope", { scope: "me:all" }, "invalid_scope"],
    ["prompt=none without a login", { prompt: "none" }, "login_required"],
  ])("%s: error to the app, with iss and state", async (_, changes, error) => {
    const app = await StrictApp.register(platform);
    const { url, state } = await app.begin(changes);
    const answer = await fetch(url, { redirect: "manual" });
    const location = new URL(answer.headers.get("location") ?? "");
    expect(Object.fromEntries(location.searchParams)).toEqual({ error, state, iss: platform.didp });
  });

  test("a parameter that comes twice is refused, here and at the token endpoint", async () => {
    const app = await StrictApp.register(platform);
    const { url } = await app.begin();
    const twice = await fetch(`${url.href}&client_id=${app.client.client_id}`, { redirect: "manual" });
    expect([twice.status, twice.headers.get("location")]).toEqual([400, null]);
    expect(await errorOf(form("/token", "grant_type=refresh_token&grant_type=authorization_code"))).toEqual([
      400,
      "invalid_request",
    ]);
  });

  test("a pushed request is used once, and only by its own client", async () => {
    const [app, other] = [await StrictApp.register(platform), await StrictApp.register(platform)];
    const { url } = await app.push();
    const stolen = new URL(url);
    stolen.searchParams.set("client_id", other.client.client_id);
    expect((await fetch(stolen, { redirect: "manual" })).status).toBe(400);
    expect((await fetch(url, { redirect: "manual" })).status).toBe(303);
    expect((await fetch(url, { redirect: "manual" })).status).toBe(400);
  });

  test("an app with a secret may not put its request into a URL", async () => {
    const app = await StrictApp.register(platform, { token_endpoint_auth_method: "client_secret_basic" });
    const { url } = await app.begin();
    const location = (await fetch(url, { redirect: "manual" })).headers.get("location") ?? "";
    expect(new URL(location).searchParams.get("error")).toBe("invalid_request");
  });
});

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

describe("consent tickets", () => {
  test("a ticket is concluded once, at its own gateway, and the way back works once and for its owner only", async () => {
    const app = await StrictApp.register(platform);
    const alice = new Person("alice");
    const begun = await app.begin();
    const page = await alice.logIn(await alice.open(begun.url.href));
    const ticket = (await alice.submit(page, { decision: "approve" }, { stopAt: /\/consent\// })).url;
    const id = new URL(ticket).pathname.split("/").at(-1) ?? "";
    const redeem = async (uri: string) =>
      (await fetch(`${platform.gateway}/redeem?${new URLSearchParams({ uri, ticket: id })}`)).json();
    expect(await redeem("https://other.example")).toBeNull();
    expect(await redeem(platform.gateway)).toMatchObject({
      appName: "Room chart",
      appOrigin: "http://127.0.0.1:9",
    });
    expect(await redeem(platform.gateway)).toEqual(await redeem(platform.gateway));

    const early = await alice.open(`${platform.didp}/authorize/continue?i=${page.url.split("/").at(-1)}`);
    expect(early.status).toBe(404);
    const back = await choose(platform, ticket, "approved");
    expect(await choose(platform, ticket, "approved")).toBeUndefined();
    expect(await redeem(platform.gateway)).toBeNull();

    const mallory = new Person("mallory");
    await mallory.logIn(await mallory.open(`${platform.didp}/me/apps`));
    expect((await mallory.open(back ?? "")).status).toBe(404);
    const done = await alice.open(back ?? "", { stopAt: /127\.0\.0\.1:9\// });
    expect(new URL(done.url).searchParams.has("code")).toBe(true);
    expect((await alice.open(back ?? "")).status).toBe(404);
  });
});

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

describe("copied tokens of apps", () => {
  test("a browser app's old refresh token, once used, stops the grant and its connections", async () => {
    const app = await StrictApp.register(platform);
    const begun = await app.begin();
    const owner = new Person("kim");
    const tokens = await app.exchange(await consent(platform, owner, begun.url.href), begun);
    const handle = (await introspect(platform, tokens.access_token)).authority?.handle;
    const next = await app.refresh(tokens.refresh_token ?? "");
    await expect(app.refresh(tokens.refresh_token ?? "")).rejects.toMatchObject({ error: "invalid_grant" });
    expect(await introspect(platform, next.access_token)).toEqual({ active: false });
    await expect(app.refresh(next.refresh_token ?? "")).rejects.toMatchObject({ error: "invalid_grant" });
    expect((await told(platform)).revoked).toContainEqual(
      expect.objectContaining({ handle, reason: "suspect" }),
    );
    expect((await owner.open(`${platform.didp}/me/apps`)).html).toContain("Its key turned up twice");
  });

  test("an app with a secret heals a lost answer, and its copied token is caught when both have been used", async () => {
    const app = await StrictApp.register(platform, { token_endpoint_auth_method: "client_secret_basic" });
    const begun = await app.push();
    const tokens = await app.exchange(await consent(platform, new Person("kim"), begun.url.href), begun);
    const lost = await app.refresh(tokens.refresh_token ?? "");
    const again = await app.refresh(tokens.refresh_token ?? "");
    expect(again.refresh_token).toBe(lost.refresh_token);
    expect(await introspect(platform, lost.access_token)).toEqual({ active: false });
    expect((await introspect(platform, again.access_token)).active).toBe(true);
    await expect(app.refresh(tokens.refresh_token ?? "")).rejects.toMatchObject({ error: "invalid_grant" });
    expect(await introspect(platform, again.access_token)).toEqual({ active: false });
  });
});

describe("bodies", () => {
  test("an oversize body is refused", async () => {
    const answer = await form("/token", `grant_type=refresh_token&refresh_token=${"A".repeat(70_000)}`);
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
    expect((await errorOf(form(path, body, { "content-type": type })))[1]).toBe(error);
  });

  test("an unknown grant type and the password grant are refused", async () => {
    const app = await StrictApp.register(platform);
    for (const grant_type of ["password", "implicit", "urn:ietf:params:oauth:grant-type:token-exchange"]) {
      const body = { grant_type, client_id: app.client.client_id };
      expect(await errorOf(form("/token", body))).toEqual([400, "unsupported_grant_type"]);
    }
    const own = { grant_type: "client_credentials", client_id: app.client.client_id };
    expect(await errorOf(form("/token", own))).toEqual([400, "unauthorized_client"]);
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

test("a strict client accepts the metadata under both well-known paths", async () => {
  const issuer = new URL(platform.didp);
  for (const algorithm of ["oauth2", "oidc"] as const) {
    const answer = await oauth.discoveryRequest(issuer, { algorithm, [oauth.allowInsecureRequests]: true });
    const server = await oauth.processDiscoveryResponse(issuer, answer);
    expect(server.code_challenge_methods_supported).toEqual(["S256"]);
  }
});

test("browser apps may call the token endpoint from their own pages, with no cookie", async () => {
  const answer = await fetch(`${platform.didp}/token`, {
    method: "OPTIONS",
    headers: {
      origin: "https://app.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization",
    },
  });
  expect(answer.status).toBe(204);
  expect(answer.headers.get("access-control-allow-origin")).toBe("*");
  expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
  const page = await fetch(`${platform.didp}/me/apps`, { headers: { origin: "https://app.example" } });
  expect(page.headers.get("access-control-allow-origin")).toBeNull();
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
