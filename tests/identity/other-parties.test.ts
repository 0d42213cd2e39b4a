import { createServer, type Server } from "node:http";
import { createRemoteJWKSet, jwtVerify } from "jose";
import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { insecure, StrictApp } from "./support/app.ts";
import { makeExternalGateway } from "./support/external-gateway.ts";
import { asDevice, DEVICE_CODE_GRANT, openFactory, tokenAnswer } from "./support/factory.ts";
import { consent, introspect, openClaim, ownDevice } from "./support/flows.ts";
import { Person } from "./support/person.ts";
import { type Platform, startPlatform } from "./support/platform.ts";

const PORT = 19370;
const PUSH = `http://127.0.0.1:${PORT + 4}/events`;
const GATEWAY = "https://gateway.elsewhere.example";
const DOCUMENTS = `http://127.0.0.1:${PORT + 5}`;

let platform: Platform;
let server: oauth.AuthorizationServer;
let gatewayKey: CryptoKey;
let events: Server;
let documents: Server;
const pushed: string[] = [];
const documentOf = new Map<string, { status?: number; type?: string; location?: string; body: string }>();
let fetched = 0;

const listen = (handler: Parameters<typeof createServer>[1], port: number) =>
  new Promise<Server>((resolve) => {
    const made = createServer(handler).listen(port, "127.0.0.1", () => resolve(made));
  });

beforeAll(async () => {
  const elsewhere = await makeExternalGateway(GATEWAY, PUSH);
  gatewayKey = elsewhere.privateKey;
  events = await listen((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      pushed.push(Buffer.concat(chunks).toString());
      response.writeHead(202).end();
    });
  }, PORT + 4);
  documents = await listen((request, response) => {
    fetched++;
    const found = documentOf.get(request.url ?? "");
    response.writeHead(found?.status ?? (found === undefined ? 404 : 200), {
      "content-type": found?.type ?? "application/json",
      ...(found?.location === undefined ? {} : { location: found.location }),
    });
    response.end(found?.body ?? "");
  }, PORT + 5);
  platform = await startPlatform(PORT, {
    EXTERNAL_GATEWAYS: JSON.stringify([elsewhere.setting]),
    ALLOW_LOOPBACK_CLIENT_DOCUMENTS: "true",
  });
  const issuer = new URL(platform.didp);
  server = await oauth.processDiscoveryResponse(
    issuer,
    await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...insecure }),
  );
});
afterAll(async () => {
  await platform.stop();
  for (const one of [events, documents]) {
    one.closeAllConnections();
    one.close();
  }
});
beforeEach(() => {
  pushed.length = 0;
});

const gateway = { client_id: GATEWAY };
const ask = async (token: string, key = gatewayKey, options: object = {}) =>
  oauth.introspectionRequest(server, gateway, oauth.PrivateKeyJwt(key), token, { ...insecure, ...options });
const elsewhere = async () => {
  const app = await StrictApp.register(platform);
  const begun = await app.begin({ resource: GATEWAY });
  const person = new Person("vera");
  const page = await person.logIn(await person.open(begun.url.href));
  const ticket = (await person.submit(page, { decision: "approve" }, { stopAt: /\/consent\// })).url;
  return { app, begun, person, ticket: new URL(ticket) };
};

describe("a gateway of another operator", () => {
  test("redeems and concludes a consent, introspects, and is told of the end by a signed event", async () => {
    const { app, begun, person, ticket } = await elsewhere();
    expect(ticket.origin).toBe(GATEWAY);
    const id = ticket.pathname.split("/").at(-1) ?? "";
    const request = await post("/consent/redeem", { ticket: id });
    expect(request).toMatchObject({ app_name: "Room chart", actions: ["read", "command"] });
    const { return_uri } = await post("/consent/conclude", { ticket: id, outcome: "approved" });
    const back = await person.open(return_uri ?? "", { stopAt: /127\.0\.0\.1:9\// });
    const tokens = await app.exchange(new URL(back.url), begun);

    const answer = await oauth.processIntrospectionResponse(server, gateway, await ask(tokens.access_token));
    expect(answer).toMatchObject({ active: true, kind: "app", epoch: 1, sub: request.user });
    for (const forbidden of ["client_id", "username", "jti", "iss"])
      expect(answer).not.toHaveProperty(forbidden);
    expect(await introspect(platform, tokens.access_token)).toEqual({ active: false });

    await app.revoke(tokens.refresh_token ?? "");
    const keys = createRemoteJWKSet(new URL(`${platform.didp}/jwks`));
    const { payload } = await jwtVerify(pushed.at(-1) ?? "", keys, {
      audience: GATEWAY,
      typ: "secevent+jwt",
    });
    expect(payload.sub_id).toEqual({ format: "opaque", id: request.user });
    expect(Object.values(payload.events as object)).toEqual([
      { handle: answer.hdl, epoch: 2, reason: "revoked" },
    ]);
    expect(await oauth.processIntrospectionResponse(server, gateway, await ask(tokens.access_token))).toEqual(
      {
        active: false,
      },
    );
  });

  test("knows the same person under another name than the first gateway", async () => {
    const factory = await openFactory(platform);
    const [here, there] = [await factory.make(), await factory.make()];
    const atHome = await ownDevice(platform, here, new Person("wanda"));
    const device = asDevice(platform, there);
    const code = (await (await device("/device_authorization", { resource: GATEWAY })).json()) as {
      device_code: string;
    };
    const person = new Person("wanda");
    await person.submit(await openClaim(platform, person, there.user_code), {
      name: "x",
      decision: "approve",
    });
    const away = await tokenAnswer(
      device("/token", { grant_type: DEVICE_CODE_GRANT, device_code: code.device_code }),
    );
    // Not a sealed route: only the home gateway could open it.
    expect(away.gateway_uri).toBe("wss://gateway.elsewhere.example/mqtt");
    const nameThere = await oauth.processIntrospectionResponse(server, gateway, await ask(away.access_token));
    const nameHere = (await introspect(platform, atHome.access_token)).authority?.user;
    expect(nameThere.active).toBe(true);
    expect(nameThere.sub).not.toBe(nameHere);
    expect(pushed.join()).not.toContain(nameHere);
  });

  test("may ask for a signed answer", async () => {
    const response = await ask("nothing", gatewayKey, { requestJwtResponse: true });
    const { payload } = await jwtVerify(
      await response.text(),
      createRemoteJWKSet(new URL(`${platform.didp}/jwks`)),
      {
        audience: GATEWAY,
        typ: "token-introspection+jwt",
      },
    );
    expect(payload.token_introspection).toEqual({ active: false });
  });

  test("is told which app has a token of its own, always by the same name", async () => {
    const app = await StrictApp.register(platform, {
      token_endpoint_auth_method: "client_secret_basic",
      grant_types: ["client_credentials"],
    });
    const token = await app.ownToken(GATEWAY);
    const answer = await oauth.processIntrospectionResponse(server, gateway, await ask(token));
    expect(answer).toEqual({
      active: true,
      kind: "client",
      sub: expect.any(String),
      exp: expect.any(Number),
    });
    const again = await oauth.processIntrospectionResponse(
      server,
      gateway,
      await ask(await app.ownToken(GATEWAY)),
    );
    expect(again.sub).toBe(answer.sub);
    const forHome = await ask(await app.ownToken(platform.gateway));
    expect(await oauth.processIntrospectionResponse(server, gateway, forHome)).toEqual({ active: false });
  });

  test("is refused under another key; an app is told that it is none; nobody gets in without a credential", async () => {
    const stranger = await oauth.generateKeyPair("ES256");
    expect((await ask("x", stranger.privateKey)).status).toBe(401);
    const app = await StrictApp.register(platform);
    const asApp = await fetch(`${platform.didp}/introspect`, {
      method: "POST",
      body: new URLSearchParams({ token: "x", client_id: app.client.client_id }),
    });
    expect(asApp.status).toBe(403);
    const asNobody = await fetch(`${platform.didp}/introspect`, {
      method: "POST",
      body: new URLSearchParams({ token: "x", client_id: GATEWAY }),
    });
    expect(asNobody.status).toBe(401);
  });
});

async function post(path: string, fields: Record<string, string>): Promise<Record<string, string>> {
  const body = new URLSearchParams(fields);
  const headers = new Headers();
  await oauth.PrivateKeyJwt(gatewayKey)(server, gateway, body, headers);
  const answer = await fetch(`${platform.didp}${path}`, { method: "POST", headers, body });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Record<string, string>;
}

describe("an app that is known by its document", () => {
  const url = `${DOCUMENTS}/client.json`;
  const callback = `${DOCUMENTS}/callback`;
  const begin = async (clientId: string, redirectUri = callback) => {
    const verifier = oauth.generateRandomCodeVerifier();
    const target = new URL(`${platform.didp}/authorize`);
    target.search = new URLSearchParams({
      client_id: clientId,
      redirect_uri: redirectUri,
      response_type: "code",
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state: "s",
    }).toString();
    return { url: target, verifier };
  };
  const status = async (clientId: string, redirectUri?: string) =>
    (await fetch((await begin(clientId, redirectUri)).url, { redirect: "manual" })).status;

  test("goes all the way without a registration, and its document is fetched once", async () => {
    documentOf.set("/client.json", {
      body: JSON.stringify({ client_id: url, client_name: "Document app", redirect_uris: [callback] }),
    });
    fetched = 0;
    const begun = await begin(url);
    const person = new Person("xenia");
    const page = await person.logIn(await person.open(begun.url.href));
    expect(page.title).toBe("Document app asks for access");
    const ticket = await person.submit(page, { decision: "approve" }, { stopAt: /\/consent\// });
    const concluded = new URL(`${platform.gateway}/conclude`);
    const id = new URL(ticket.url).pathname.split("/").at(-1) ?? "";
    concluded.search = new URLSearchParams({
      uri: platform.gateway,
      ticket: id,
      outcome: "approved",
    }).toString();
    const { returnUri } = (await (await fetch(concluded)).json()) as { returnUri: string };
    const back = new URL((await person.open(returnUri, { stopAt: /\/callback/ })).url);
    const client = { client_id: url };
    const tokens = await oauth.processAuthorizationCodeResponse(
      server,
      client,
      await oauth.authorizationCodeGrantRequest(
        server,
        client,
        oauth.None(),
        oauth.validateAuthResponse(server, client, back, "s"),
        callback,
        begun.verifier,
        insecure,
      ),
    );
    expect((await introspect(platform, tokens.access_token)).active).toBe(true);
    expect(fetched).toBe(1);
  });

  test.each([
    ["says another client id", { client_id: `${DOCUMENTS}/other.json` }],
    ["sends people elsewhere", { redirect_uris: ["https://evil.example/callback"] }],
    ["has no redirect URI", { redirect_uris: [] }],
  ])("a document that %s is refused", async (name, changes) => {
    const path = `/${name.replaceAll(" ", "-")}.json`;
    const id = `${DOCUMENTS}${path}`;
    documentOf.set(path, { body: JSON.stringify({ client_id: id, redirect_uris: [callback], ...changes }) });
    expect(await status(id)).toBe(400);
  });

  test.each([
    ["is a redirect", { status: 302, location: "http://127.0.0.1:22/", body: "" }],
    ["is no JSON by its type", { type: "text/html", body: "{}" }],
    ["is no JSON", { body: "{" }],
    ["is huge", { body: JSON.stringify({ padding: "x".repeat(100_000) }) }],
    ["is an error", { status: 500, body: "{}" }],
  ])("a document that %s is refused with the same words", async (name, answer) => {
    const path = `/${name.replaceAll(" ", "-")}.json`;
    documentOf.set(path, answer);
    const refused = await fetch((await begin(`${DOCUMENTS}${path}`)).url, { redirect: "manual" });
    expect([refused.status, ((await refused.json()) as { detail: string }).detail]).toEqual([
      400,
      "The app that sent you here is not known.",
    ]);
  });

  test("an address inside the network is not even asked", async () => {
    fetched = 0;
    for (const id of [
      "http://localhost:1/c.json",
      "https://169.254.169.254/c.json",
      "https://db.internal/c.json",
    ]) {
      expect(await status(id)).toBe(400);
    }
    expect(fetched).toBe(0);
  });
});

describe("documents cannot be used to make this server knock somewhere", () => {
  const knock = (address: string, path: string) => {
    const url = new URL(`${platform.didp}/authorize`);
    url.searchParams.set("client_id", `${DOCUMENTS}${path}`);
    return fetch(url, { redirect: "manual", headers: { "cf-connecting-ip": address } });
  };

  test("only so often at one place, from one network or from many", async () => {
    fetched = 0;
    for (let at = 0; at < 60; at++) {
      const address = at < 30 ? "198.51.100.1" : `198.51.${at}.1`;
      expect((await knock(address, `/knock-${at}.json`)).status).toBe(400);
    }
    expect(fetched).toBeLessThanOrEqual(20);
  });

  test("an app that is known already is not kept out by it", async () => {
    expect((await knock("198.51.100.1", "/client.json")).status).toBe(400);
    const known = new URL(`${platform.didp}/authorize`);
    known.search = new URLSearchParams({
      client_id: `${DOCUMENTS}/client.json`,
      redirect_uri: `${DOCUMENTS}/callback`,
      response_type: "code",
      code_challenge: "A".repeat(43),
      code_challenge_method: "S256",
    }).toString();
    expect((await fetch(known, { redirect: "manual" })).status).toBe(303);
  });
});

describe("an ID token, for an app that asks for one", () => {
  const identify = async (app: StrictApp, account: string) => {
    const begun = await app.begin({ scope: "openid", nonce: "n1" });
    const callback = await consent(platform, new Person(account), begun.url.href);
    const tokens = await oauth.processAuthorizationCodeResponse(
      app.server,
      app.client,
      await oauth.authorizationCodeGrantRequest(
        app.server,
        app.client,
        oauth.None(),
        oauth.validateAuthResponse(app.server, app.client, callback, begun.state),
        "http://127.0.0.1:9/callback",
        begun.verifier,
        insecure,
      ),
      { expectedNonce: "n1", requireIdToken: true },
    );
    const keys = createRemoteJWKSet(new URL(`${platform.didp}/jwks`));
    await jwtVerify(tokens.id_token ?? "", keys, { issuer: platform.didp, audience: app.client.client_id });
    return oauth.getValidatedIdTokenClaims(tokens);
  };

  test("says the same person at one app, another at the next, and nothing else about them", async () => {
    const [first, second] = [await StrictApp.register(platform), await StrictApp.register(platform)];
    const claims = await identify(first, "yara");
    expect(Object.keys(claims ?? {}).sort()).toEqual(["aud", "exp", "iat", "iss", "nonce", "sub"]);
    expect((await identify(first, "yara"))?.sub).toBe(claims?.sub);
    expect((await identify(first, "zoe"))?.sub).not.toBe(claims?.sub);
    expect((await identify(second, "yara"))?.sub).not.toBe(claims?.sub);
  });
});
