import { beforeEach, expect, test } from "vitest";
import { AppAuthorization } from "./app-authorization.ts";
import { ConsentError } from "./consent-error.ts";
import { exclusivelyBy } from "./tabs.ts";
import { MemoryProofKeys, MemoryStore, TestAuthorizationServer } from "./testing/authorization-server.ts";
import { EagerClock } from "./testing/manual-clock.ts";

const redirectUri = "http://127.0.0.1:19490/";
const wish = { actions: ["read", "command"], purpose: "to draw a chart", duration: "P30D" } as const;
const forever = new AbortController().signal;

let server: TestAuthorizationServer;
let tokenStore: MemoryStore;
let clientStore: MemoryStore;
let proofKeys: MemoryProofKeys;
let clock: EagerClock;
beforeEach(() => {
  server = new TestAuthorizationServer();
  tokenStore = new MemoryStore();
  clientStore = new MemoryStore();
  proofKeys = new MemoryProofKeys();
  clock = new EagerClock();
});

/** A page load: nothing is shared with the last one but the stores. */
function load(): AppAuthorization {
  const { gateway, fetch } = server;
  return new AppAuthorization({
    gateway,
    fetch,
    redirectUri,
    appName: "Room monitor",
    tokenStore,
    clientStore,
    proofKeys,
    clock,
    random: () => 0,
  });
}

async function granted(): Promise<AppAuthorization> {
  const answer = server.consent(await load().begin(wish));
  const app = load();
  await app.complete(answer);
  return app;
}

test.each([true, false])(
  "asks with PKCE, state, resource and details (pushed: %s), and gets its tokens",
  async (offersPar) => {
    server.offersPar = offersPar;
    const url = await load().begin(wish);
    expect(url.searchParams.has("request_uri")).toBe(offersPar);
    expect(url.searchParams.has("code_challenge")).toBe(!offersPar);
    const asked = server.parametersOf(url);
    expect(Object.fromEntries(asked)).toMatchObject({
      response_type: "code",
      client_id: "app-1",
      redirect_uri: redirectUri,
      code_challenge_method: "S256",
      resource: server.gateway,
      scope: "view:read view:control",
    });
    expect(JSON.parse(asked.get("authorization_details") ?? "")).toEqual([
      {
        type: "iot_access",
        granularity: "raw",
        actions: ["read", "command"],
        purpose: "to draw a chart",
        duration: "P30D",
      },
    ]);

    const app = load();
    expect(app.isGranted).toBe(false);
    expect(await app.complete(server.consent(url))).toBe(true);
    expect(app.isGranted).toBe(true);
    expect(await app.access(forever)).toMatchObject({ token: "access-1", gatewayUri: server.gatewayUri });
  },
);

test("a browser registers the app once", async () => {
  await granted();
  await load().begin(wish);
  expect(server.clients.size).toBe(1);
});

test("when the server has forgotten the registration, the app registers again", async () => {
  await granted();
  server.clients.clear();
  const url = await load().begin(wish);
  expect(server.parametersOf(url).get("client_id")).toBe("app-1");
  expect(server.requests.filter(({ path }) => path === "/register")).toHaveLength(2);
});

test("a no is told as access_denied, and nothing is granted", async () => {
  const answer = server.consent(await load().begin(wish), "deny");
  const app = load();
  await expect(app.complete(answer)).rejects.toMatchObject({ name: "ConsentError", code: "access_denied" });
  expect(app.isGranted).toBe(false);
});

test.each([
  ["a foreign state", (url: URL) => url.searchParams.set("state", "x")],
  ["a foreign issuer", (url: URL) => url.searchParams.set("iss", "http://127.0.0.1:1")],
  ["no issuer", (url: URL) => url.searchParams.delete("iss")],
  ["a code of somebody else", (url: URL) => url.searchParams.set("code", "code-99")],
])("an answer with %s is refused", async (_, change) => {
  const answer = server.consent(await load().begin(wish));
  change(answer);
  const app = load();
  await expect(app.complete(answer)).rejects.toBeInstanceOf(ConsentError);
  expect(app.isGranted).toBe(false);
});

test("an answer without our question, and a reload of a used answer, are no answers", async () => {
  const answer = server.consent(await load().begin(wish));
  const foreign = new AppAuthorization({
    gateway: server.gateway,
    fetch: server.fetch,
    redirectUri,
    appName: "x",
    tokenStore: new MemoryStore(),
    clientStore,
    clock,
    random: () => 0,
  });
  expect(await foreign.complete(answer)).toBe(false);
  const app = load();
  expect(await app.complete(answer)).toBe(true);
  expect(await app.complete(answer)).toBe(false);
  expect(app.isGranted).toBe(true);
  expect(await app.complete(new URL(redirectUri))).toBe(false);
});

test("shortly before its end the access token is refreshed, and the rotated refresh token is kept", async () => {
  const app = await granted();
  expect((await app.access(forever))?.token).toBe("access-1");
  await clock.sleep(545_000);
  expect((await app.access(forever))?.token).toBe("access-2");
  expect((await load().access(forever, { refused: true }))?.token).toBe("access-3");
  const used = server.requests.flatMap(({ form }) => form.refresh_token ?? []);
  expect(used).toEqual(["refresh-1", "refresh-2"]);
});

test("while the server is away a good token goes on being used, and a spent one is waited for", async () => {
  const app = await granted();
  await clock.sleep(545_000);
  server.isDown = true;
  expect((await app.access(forever))?.token).toBe("access-1");
  await clock.sleep(60_000);
  const waiting = app.access(forever);
  while (clock.slept.length < 5) await new Promise((resolve) => setImmediate(resolve));
  server.isDown = false;
  expect((await waiting)?.token).toBe("access-2");
});

test("after a revocation there is no access, and the app forgets its tokens", async () => {
  const app = await granted();
  server.isRevoked = true;
  expect(await app.access(forever, { refused: true })).toBeUndefined();
  expect(app.isGranted).toBe(false);
});

test("disconnecting revokes the refresh token and forgets everything but the registration", async () => {
  const app = await granted();
  await app.revoke();
  expect(server.requests.at(-1)).toMatchObject({
    path: "/revoke",
    form: { token: "refresh-1", client_id: "app-1" },
  });
  expect(tokenStore.entries.size).toBe(0);
  expect(clientStore.entries.size).toBe(1);
});

test("where the server takes proofs, tokens are bound to a key that cannot leave the browser", async () => {
  server.offersDpop = true;
  const app = await granted();
  expect(proofKeys.pair?.privateKey.extractable).toBe(false);
  expect((await app.access(forever, { refused: true }))?.token).toBe("access-2");
  expect((await load().access(forever, { refused: true }))?.token).toBe("access-3");
  // Whoever copied the tokens has another key, or none.
  proofKeys.pair = undefined;
  expect(await load().access(forever, { refused: true })).toBeUndefined();
});

test("a server that wants its nonce in the proof gets it", async () => {
  server.offersDpop = true;
  server.nonce = "n1";
  const app = await granted();
  server.nonce = "n2";
  expect((await app.access(forever, { refused: true }))?.token).toBe("access-2");
});

test("in a window without a place for keys, the app works unbound", async () => {
  server.offersDpop = true;
  proofKeys.isBroken = true;
  const app = await granted();
  expect((await app.access(forever, { refused: true }))?.token).toBe("access-2");
});

test("plain HTTP to another machine is refused", async () => {
  const app = new AppAuthorization({
    gateway: "http://gateway.example",
    fetch: server.fetch,
    redirectUri,
    appName: "x",
    tokenStore,
    clientStore,
    clock,
    random: () => 0,
  });
  await expect(app.begin(wish)).rejects.toThrow();
  expect(server.requests).toEqual([]);
});

test("tabs that share their tokens refresh once for all, and a token that only another tab lost is not refreshed", async () => {
  const entries = new Map<string, unknown>();
  const sharedStore = {
    load: async (name: string) => entries.get(name),
    save: async (name: string, value: unknown) => void entries.set(name, value),
  };
  const tab = (tokenStore: MemoryStore) =>
    new AppAuthorization({
      gateway: server.gateway,
      fetch: server.fetch,
      redirectUri,
      appName: "Room monitor",
      tokenStore,
      clientStore,
      exclusively: exclusivelyBy(navigator.locks),
      sharedStore,
      clock,
      random: () => 0,
    });
  const first = new MemoryStore();
  const asking = tab(first);
  await asking.complete(server.consent(await asking.begin(wish)));
  // As the tabs' processes see it: what another one writes comes late, here never.
  const copy = () => {
    const store = new MemoryStore();
    for (const [key, value] of first.entries) store.setItem(key, value);
    return store;
  };
  const tabs = [tab(copy()), tab(copy()), tab(copy())];
  for (const one of tabs) expect((await one.access(forever))?.token).toBe("access-1");
  const refreshes = () => server.requests.filter(({ form }) => form.grant_type === "refresh_token").length;
  const all = await Promise.all(tabs.map((one) => one.access(forever, { refused: true })));
  expect(all.map((access) => access?.token)).toEqual(["access-2", "access-2", "access-2"]);
  expect(refreshes()).toBe(1);
  await tabs[0]?.revoke();
  server.isRevoked = true;
  expect(await tabs[1]?.access(forever, { refused: true })).toBeUndefined();
  expect(tabs[1]?.isGranted).toBe(false);
});
