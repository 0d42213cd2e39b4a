import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Person } from "../../cli/sim/person.ts";
import type { ProtocolLevel, TopicFilter, TopicName } from "../../engines/mqtt/packet.ts";
import type { Factory } from "../../sdk/factory.ts";
import { makeDevice, openFactory } from "../support/manufacturer.ts";
import { type Carrier, MqttPeer } from "../support/mqtt-peer.ts";
import { DeviceClient, type DeviceTokens, ownedDevice } from "../support/owned-device.ts";
import { type AppTokens, ThirdPartyApp } from "../support/third-party-app.ts";
import { logLines } from "./support/log-lines.ts";
import { Server } from "./support/server.ts";
import { leaks, storedBytes } from "./support/stored-bytes.ts";

/** Refused: with the right code, in the same words whatever was wrong, and without a line that stands out in the log. */
const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-refusals-"));
const server = new Server({ firstPort: 18120, stateDir, arguments: ["--no-demo"] });
const { gateway, didp } = server.addresses;
const mqttUrl = `${gateway.replace("http", "ws")}/mqtt`;
const tcpPort = Number(new URL(server.addresses.mqtt).port);
const alice = new Person({ login: "alice" });
const bob = new Person({ login: "bob" });
const WRONG_TOKEN = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

let factory: Factory;
let device: DeviceTokens & { client: DeviceClient };
let bobsDevice: DeviceTokens;
let app: ThirdPartyApp;
let appTokens: AppTokens;
let revokedAppTokens: AppTokens;

beforeAll(async () => {
  await server.start();
  factory = await openFactory(didp, server.secrets.operatorToken);
  device = await ownedDevice(didp, factory, alice, "alice's node");
  bobsDevice = await ownedDevice(didp, factory, bob, "bob's node");
  app = await ThirdPartyApp.register(gateway, "Refused app");
  appTokens = await app.authorize(alice, { command: [] });
  const doomed = await ThirdPartyApp.register(gateway, "Doomed app");
  revokedAppTokens = await doomed.authorize(alice);
  await doomed.revoke(revokedAppTokens.refreshToken);
});

afterAll(async () => {
  await server.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

describe("at the gateway's door", () => {
  test.each([
    ["a made-up token", () => WRONG_TOKEN],
    ["a token that is no token", () => "x"],
    ["a revoked token", () => revokedAppTokens.accessToken],
    ["a refresh token", () => device.refreshToken],
    ["a changed token", () => changed(device.accessToken)],
  ])("%s in the upgrade gets 401 and the way to the authorization server", async (_, token) => {
    const response = await fetch(mqttUrl.replace("ws", "http"), {
      headers: { ...upgradeHeaders, authorization: `Bearer ${token()}` },
    }).catch(() => undefined);
    // fetch refuses an `upgrade` header in some Node versions; the WebSocket client says the status either way
    expect(await MqttPeer.open({ url: mqttUrl, headers: { authorization: `Bearer ${token()}` } })).toBe(401);
    if (response !== undefined)
      expect(response.headers.get("www-authenticate")).toContain("resource_metadata=");
    expect(await MqttPeer.open({ url: mqttUrl, subprotocols: ["mqtt", `bearer.${token()}`] })).toBe(401);
  });

  const ways: [string, () => Carrier][] = [
    ["plain /mqtt", () => ({ url: mqttUrl })],
    ["the sealed route", () => ({ url: device.gatewayUri })],
    ["TCP", () => ({ tcpPort })],
  ];
  const wrong: [string, () => string | undefined][] = [
    ["no token", () => undefined],
    ["a made-up token", () => WRONG_TOKEN],
    ["a revoked token", () => revokedAppTokens.accessToken],
    ["a refresh token", () => device.refreshToken],
  ];
  test.each(
    ways.flatMap(([way, carrier]) => wrong.map(([what, token]) => [what, way, carrier, token] as const)),
  )(
    "CONNECT with %s over %s is refused the same way: not authorized",
    async (_what, _way, carrier, token) => {
      expect(await refusalOf(carrier(), 4, token())).toBe(0x05);
      expect(await refusalOf(carrier(), 5, token())).toBe(0x87);
    },
  );

  test("another user's token on a sealed route is refused like any wrong token", async () => {
    expect(await refusalOf({ url: device.gatewayUri }, 5, bobsDevice.accessToken)).toBe(0x87);
    expect(await refusalOf({ url: bobsDevice.gatewayUri }, 4, device.accessToken)).toBe(0x05);
  });

  test("a route that nobody sealed gets 401", async () => {
    expect(await MqttPeer.open({ url: changed(device.gatewayUri) })).toBe(401);
    expect(await MqttPeer.open({ url: `${mqttUrl}/AAAA` })).toBe(401);
  });

  test("without the subprotocol mqtt there is no upgrade; with a text frame there is no connection", async () => {
    expect(await MqttPeer.open({ url: mqttUrl, subprotocols: ["chat"] })).toBe(400);
    for (const url of [mqttUrl, device.gatewayUri]) {
      const peer = await opened({ url });
      peer.sendText("hello");
      expect((await peer.end()).how).toBe(1003);
    }
  });

  test("authority cannot be brought along in a header", async () => {
    const authority = JSON.stringify({
      user: "x",
      kind: "owner",
      handle: "x",
      permissions: [["#", ["pub", "sub"]]],
    });
    for (const url of [mqttUrl, device.gatewayUri]) {
      expect(await refusalOf({ url, headers: { "x-edgenym-authority": authority } }, 4, undefined)).toBe(
        0x05,
      );
    }
  });
});

describe("inside the mount", () => {
  const outside = ["grants/#", "alarms/#", "$SYS/#", "ledger", "telemetry/#"];

  test("an app's subscription outside its view is refused, its own is granted", async () => {
    for (const [level, refused] of [
      [4, 0x80],
      [5, 0x87],
    ] as const) {
      const peer = await connected(appTokens, level);
      expect(await subscribe(peer, ["devices/+/telemetry/#", "grant", ...outside])).toEqual([
        0,
        0,
        ...outside.map(() => refused),
      ]);
      peer.cut();
    }
  });

  test("an app's publish where it may only read is refused and goes nowhere; the connection stays", async () => {
    const peer = await connected(appTokens, 5);
    await subscribe(peer, ["grant"]);
    const { payload } = await peer.nextOf("publish");
    const [handle] = JSON.parse(new TextDecoder().decode(payload)).devices.map(
      (d: { handle: string }) => d.handle,
    );
    for (const topicName of [
      `devices/${handle}/command/led`,
      `devices/${handle}/telemetry/temperature`,
      "x",
      "grant",
    ]) {
      peer.send({
        type: "publish",
        topicName: topicName as TopicName,
        payload: new Uint8Array(1),
        qos: 1,
        retain: false,
        dup: false,
        packetId: 7,
      });
      expect(await peer.nextOf("puback"), topicName).toMatchObject({ packetId: 7, reasonCode: 0x87 });
    }
    peer.send({ type: "pingreq" });
    expect((await peer.nextOf("pingresp")).type).toBe("pingresp");
    peer.cut();
  });

  test("a device cannot leave its own sub-tree, whatever name it writes", async () => {
    const mine = await connected(device, 5);
    const theirs = await connected(bobsDevice, 5);
    await subscribe(theirs, ["#", "+/#", "devices/#"]);
    for (const topicName of ["devices/x/telemetry/t", "../x", "/", "telemetry/t"]) {
      mine.send({
        type: "publish",
        topicName: topicName as TopicName,
        payload: new TextEncoder().encode("mine"),
        qos: 1,
        retain: true,
        dup: false,
        packetId: 9,
      });
      await mine.nextOf("puback");
    }
    theirs.send({ type: "pingreq" });
    const seen = [];
    for (let packet = await theirs.next(); packet?.type !== "pingresp"; packet = await theirs.next())
      seen.push(packet);
    expect(seen.filter((packet) => packet?.type === "publish")).toEqual([]);
    mine.cut();
    theirs.cut();
  });
});

describe("at the DIdP", () => {
  test("a request without PKCE, or with plain, is refused and gives no code", async () => {
    for (const changes of [
      { code_challenge: undefined, code_challenge_method: undefined },
      { code_challenge_method: "plain" },
      { code_challenge_method: undefined },
    ]) {
      const parameters = { ...(await app.request(oauth.generateRandomCodeVerifier())), ...changes };
      const answer = await redirectOf(app.authorizationUrl(parameters));
      expect(answer?.searchParams.get("error")).toBe("invalid_request");
      expect(answer?.searchParams.has("code")).toBe(false);
      expect(answer?.searchParams.get("iss")).toBe(didp);
    }
  });

  test("the owner's own scope is for the owner's own tools, and they get nothing else", async () => {
    const proper = await app.request(oauth.generateRandomCodeVerifier());
    const own = { ...proper, scope: "me:*", authorization_details: undefined };
    const commandLine = {
      client_id: "a-edgenym-command-line-A",
      redirect_uri: "http://127.0.0.1:9/callback",
    };
    for (const parameters of [own, { ...own, scope: "me:* view:read" }, { ...proper, ...commandLine }]) {
      expect((await redirectOf(app.authorizationUrl(parameters)))?.searchParams.get("error")).toBe(
        "invalid_scope",
      );
    }
  });

  test("a changed redirect URI or an unknown client gets a page, never a redirect", async () => {
    const proper = await app.request(oauth.generateRandomCodeVerifier());
    for (const changes of [
      { redirect_uri: `${app.redirectUri}/more` },
      { redirect_uri: "http://127.0.0.1:9/elsewhere" },
      { redirect_uri: undefined },
      { client_id: "unknown" },
    ]) {
      const response = await fetch(app.authorizationUrl({ ...proper, ...changes }), { redirect: "manual" });
      expect(response.status).toBe(400);
      expect(response.headers.get("location")).toBeNull();
    }
  });

  test("a code works once; the second use ends what the first one gave", async () => {
    const replayed = await ThirdPartyApp.register(gateway, "Replayed app");
    const { callback, verifier } = await replayed.askFor(alice);
    const tokens = await replayed.exchange(callback, verifier);
    const peer = await connected(tokens, 5);
    await expect(replayed.exchange(callback, verifier)).rejects.toMatchObject({ error: "invalid_grant" });
    expect((await peer.end()).unread.at(-1)).toMatchObject({ type: "disconnect" });
    await expect(replayed.refresh(tokens.refreshToken)).rejects.toMatchObject({ error: "invalid_grant" });
    expect(await refusalOf({ url: mqttUrl }, 5, tokens.accessToken)).toBe(0x87);
  });

  test("a code is worth nothing with another verifier, another redirect URI or another client", async () => {
    const { callback, verifier } = await app.askFor(alice);
    const other = await ThirdPartyApp.register(gateway, "Other app");
    const attempt = (clientId: string, changes: Record<string, string>) =>
      tokenError({
        grant_type: "authorization_code",
        client_id: clientId,
        code: callback.get("code") ?? "",
        redirect_uri: app.redirectUri,
        code_verifier: verifier,
        ...changes,
      });
    const mine = app.client.client_id;
    expect(await attempt(other.client.client_id, {})).toEqual([400, "invalid_grant"]);
    expect(await attempt(mine, { code_verifier: oauth.generateRandomCodeVerifier() })).toEqual([
      400,
      "invalid_grant",
    ]);
    expect(await attempt(mine, { redirect_uri: `${app.redirectUri}/more` })).toEqual([400, "invalid_grant"]);
  });

  test("a device that nobody owns gets no token, and none of its guesses changes anything", async () => {
    const unowned = new DeviceClient(didp, await makeDevice(factory, "unowned"));
    const deviceCode = await unowned.switchOn();
    await expect(unowned.poll(deviceCode)).rejects.toMatchObject({ error: "authorization_pending" });
    await expect(unowned.refresh(device.refreshToken)).rejects.toMatchObject({ error: "invalid_grant" });
    await expect(unowned.refresh(WRONG_TOKEN)).rejects.toMatchObject({ error: "invalid_grant" });
    await expect(unowned.poll(WRONG_TOKEN)).rejects.toMatchObject({ error: expect.stringMatching(/_/) });
    expect((await device.client.refresh(device.refreshToken)).accessToken).not.toBe("");
  });

  test("a wrong client secret is invalid_client, and an unknown client is the same", async () => {
    const { identity } = device.client;
    const refresh = { grant_type: "refresh_token", refresh_token: device.refreshToken };
    const basic = (id: string, secret: string) => ({ authorization: `Basic ${btoa(`${id}:${secret}`)}` });
    const answers = [
      await tokenError(refresh, basic(identity.clientId, changed(identity.clientSecret))),
      await tokenError(refresh, basic(changed(identity.clientId), identity.clientSecret)),
    ];
    expect(answers).toEqual([
      [401, "invalid_client"],
      [401, "invalid_client"],
    ]);
  });

  test("an owned device's label is refused like a label that never was", async () => {
    const owned = bob.claim(new URL(device.client.identity.userRegistrationUri), { deviceName: "mine?" });
    const unknown = bob.claim(new URL(`${didp}/d#ABCDEFGHIJKLMNOPQRSTUVWXYZ`), { deviceName: "mine?" });
    const [first, second] = await Promise.allSettled([owned, unknown]);
    expect(first).toMatchObject({ status: "rejected", reason: { page: { status: 404 } } });
    expect(second).toMatchObject({ status: "rejected", reason: { page: { status: 404 } } });
    if (first?.status === "rejected" && second?.status === "rejected") {
      expect(first.reason.page.heading).toBe(second.reason.page.heading);
    }
  });
});

test("nothing of this was noisy in the log, and no token or name of a person is in any store", () => {
  const lines = logLines(stateDir);
  expect(lines.length).toBeGreaterThan(20);
  expect(lines.filter(({ level }) => level !== "info")).toEqual([]);
  const canaries = {
    "access token": device.accessToken,
    "refresh token": device.refreshToken,
    "app's access token": appTokens.accessToken,
    "app's refresh token": appTokens.refreshToken,
    "revoked token": revokedAppTokens.accessToken,
    "client secret": device.client.identity.clientSecret,
    "claim code": new URL(device.client.identity.userRegistrationUri).hash.slice(1),
  };
  expect(leaks(storedBytes(stateDir), canaries)).toEqual([]);
});

const upgradeHeaders = { upgrade: "websocket", connection: "upgrade", "sec-websocket-protocol": "mqtt" };

/** The same text with its last letter but three replaced. */
function changed(text: string): string {
  const at = text.length - 4;
  return text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
}

async function opened(carrier: Carrier, level: ProtocolLevel = 4): Promise<MqttPeer> {
  const peer = await MqttPeer.open(carrier, level);
  if (typeof peer === "number") throw new Error(`the upgrade was refused with ${peer}`);
  return peer;
}

async function connected(tokens: DeviceTokens | AppTokens, level: ProtocolLevel): Promise<MqttPeer> {
  const peer = await opened({ url: tokens.gatewayUri }, level);
  peer.connect(tokens.accessToken);
  expect((await peer.nextOf("connack")).reasonCode).toBe(0);
  return peer;
}

/** The CONNACK's code of a CONNECT that must be refused, after which the connection must end. */
async function refusalOf(carrier: Carrier, level: ProtocolLevel, token: string | undefined): Promise<number> {
  const peer = await opened(carrier, level);
  peer.connect(token);
  const { reasonCode } = await peer.nextOf("connack");
  expect((await peer.end()).unread).toEqual([]);
  return reasonCode;
}

async function subscribe(peer: MqttPeer, filters: readonly string[]): Promise<readonly number[]> {
  peer.send({
    type: "subscribe",
    packetId: 1,
    subscriptions: filters.map((filter) => ({
      topicFilter: filter as TopicFilter, // written in this file
      qos: 0,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0,
    })),
  });
  return (await peer.nextOf("suback")).reasonCodes;
}

/** Where an authorization request that needs no person is redirected to. */
async function redirectOf(url: URL): Promise<URL | undefined> {
  const location = (await fetch(url, { redirect: "manual" })).headers.get("location");
  return location === null ? undefined : new URL(location, url);
}

async function tokenError(
  body: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<[number, string]> {
  const response = await fetch(`${didp}/token`, { method: "POST", headers, body: new URLSearchParams(body) });
  return [response.status, ((await response.json()) as { error: string }).error];
}
