import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Person } from "../../cli/sim/person.ts";
import { Edgenym } from "../e2e/support/edgenym.ts";
import { Developer } from "../streams/developer.ts";
import { MqttPeer } from "../support/mqtt-peer.ts";
import type { DeviceTokens } from "../support/owned-device.ts";
import { ThirdPartyApp } from "../support/third-party-app.ts";
import { deviceReferences, offerDevice, releaseDevice } from "../visibility/support/device-page.ts";
import { Link, textOf } from "../visibility/support/link.ts";
import { connect, refusalOf, waysIn } from "./support/connections.ts";
import { Operator } from "./support/operator.ts";

/**
 * Two operators with a DIdP and a maker each; the gateway of the first trusts both. Alice and bob are people of the
 * first DIdP, dora and emil of the second, and all their devices are at that one gateway (EXPERIENCE.md §9, D-08).
 */
const PORT = 18_910;

interface Owner {
  readonly home: Operator;
  readonly person: Person;
  readonly deviceName: string;
  readonly device: DeviceTokens & Awaited<ReturnType<Operator["ownedDevice"]>>;
  readonly token: string;
}

let a: Operator;
let b: Operator;
const owners: Record<string, Owner> = {};
const owner = (name: string): Owner => {
  const found = owners[name];
  if (found === undefined) throw new Error(`nobody is called ${name}`);
  return found;
};
const everybody = ["alice", "bob", "dora", "emil"];

const levels = `
  @source(type='things', property='light')
  define stream Light (value double);
  @sink(type='stream', topic='levels')
  define stream Levels (value double);
  from Light select value insert into Levels;
`;

const seen = `
  @source(type='things', property='light')
  define stream Light (user string, device string, value double);
  @sink(type='stream', topic='seen')
  define stream Seen (value double);
  from Light select value insert into Seen;
`;

beforeAll(async () => {
  a = await Operator.start(PORT, { TRUSTED_ISSUERS: JSON.stringify([`http://127.0.0.1:${PORT + 11}`]) });
  b = await Operator.start(PORT + 10, { EXTERNAL_GATEWAYS: JSON.stringify([await a.gatewayEntry()]) });
  for (const [name, home, login] of [
    ["alice", a, "alice"],
    ["bob", a, "bob"],
    ["dora", b, "carol"],
    ["emil", b, "load-1"],
  ] as const) {
    // Two browsers: cookies of 127.0.0.1 would go to both DIdPs.
    const person = new Person({ login });
    const deviceName = `lamp of ${name}`;
    const device = await home.ownedDevice(person, deviceName, a.gateway);
    owners[name] = { home, person, deviceName, device, token: await home.ownerToken(person, a.gateway) };
  }
});

afterAll(async () => {
  for (const operator of [a, b]) {
    await operator?.stop();
    operator?.remove();
  }
});

test("the gateway tells apps of both issuers, its own operator's first", async () => {
  const described = await fetch(`${a.gateway}/.well-known/oauth-protected-resource`);
  expect(await described.json()).toMatchObject({ authorization_servers: [a.didp, b.didp] });
});

describe.each(waysIn)("by %s", (_, way) => {
  test.each(everybody)("the device of %s comes in", async (name) => {
    const link = await Link.open(...way(a, owner(name).device.accessToken));
    if (typeof link === "number") throw new Error(`refused with ${link}`);
    expect(await link.publish("telemetry/t", "20")).toBe(true);
    link.cut();
  });

  test("a token of the second DIdP for its own gateway is refused, and so is one that is nearly right", async () => {
    const { accessToken } = await b.ownedDevice(owner("dora").person, "elsewhere", b.gateway);
    const [own, wrong] = [owner("dora").device.accessToken, owner("alice").device.accessToken];
    const tagOfOther = own.slice(0, -4) + wrong.slice(-4);
    for (const token of [
      accessToken,
      tagOfOther,
      own.slice(0, -4),
      `${own.slice(0, 40)}AAAA${own.slice(44)}`,
    ])
      expect([5, 401]).toContain(await Link.open(...way(a, token)));
  });
});

test("the gateway of the second operator does not trust the first, nor a token for somebody else's gateway", async () => {
  expect(await refusalOf(b, owner("alice").device.accessToken)).toBe(0x87);
  expect(await refusalOf(b, owner("dora").device.accessToken)).toBe(0x87);
});

test("only home devices have a sealed route, and no token of another user gets in by it", async () => {
  const { gatewayUri, accessToken } = owner("alice").device;
  expect(gatewayUri).toMatch(new RegExp(`^${a.mqtt}/.{40}`));
  expect(owner("dora").device.gatewayUri).toBe(a.mqtt);
  for (const name of ["bob", "dora"])
    expect(await refusalOf(a, owner(name).device.accessToken, gatewayUri)).toBe(0x87);
  const link = await Link.open({ url: gatewayUri }, accessToken);
  if (typeof link === "number") throw new Error(`refused with ${link}`);
  link.cut();
});

test("a foreign device renews its authority on the open connection, with its own new token and no other", async () => {
  const { client, refreshToken, accessToken } = owner("emil").device;
  const peer = await MqttPeer.open({ url: a.mqtt }, 5);
  if (typeof peer === "number") throw new Error(`refused with ${peer}`);
  const bearer = (token: string) => ({
    authenticationMethod: "OAUTHBEARER",
    authenticationData: new TextEncoder().encode(`n,,\u0001auth=Bearer ${token}\u0001\u0001`),
  });
  peer.connect(undefined, { properties: bearer(accessToken) });
  expect((await peer.nextOf("connack")).reasonCode).toBe(0);
  const renewed = await client.refresh(refreshToken);
  peer.send({ type: "auth", reasonCode: 0x19, properties: bearer(renewed.accessToken) });
  expect((await peer.nextOf("auth")).reasonCode).toBe(0);
  peer.send({ type: "auth", reasonCode: 0x19, properties: bearer(owner("dora").device.accessToken) });
  expect((await peer.nextOf("disconnect")).reasonCode).toBe(0x87);
  owners.emil = { ...owner("emil"), device: { ...owner("emil").device, ...renewed } };
});

test("each owner sees their own device and nothing of the three others", async () => {
  const watching = await Promise.all(everybody.map((name) => connect(a, owner(name).token)));
  for (const link of watching) expect(await link.subscribe("#")).toBe(1);
  for (const name of everybody) {
    const link = await connect(a, owner(name).device.accessToken);
    expect(await link.publish("telemetry/whose", name)).toBe(true);
    link.cut();
  }
  for (const [index, name] of everybody.entries()) {
    const link = watching[index];
    await link?.message((message) => textOf(message) === name);
    await link?.caughtUp();
    const whose = link?.heard.filter(({ topicName }) => topicName.endsWith("/telemetry/whose")).map(textOf);
    expect(new Set(whose)).toEqual(new Set([name]));
    link?.cut();
  }
});

test("the rules of owners and apps of either DIdP are theirs", async () => {
  const api = (path: string, token: string, init: RequestInit = {}) =>
    fetch(`${a.gateway}${path}`, { ...init, headers: { authorization: `Bearer ${token}` } });
  const { token, device } = owner("dora");
  const deployed = await api("/v1/me/rules/levels", token, { method: "PUT", body: levels });
  expect(deployed.status).toBe(201);
  const listed = async (name: string) => (await api("/v1/me/rules", owner(name).token)).text();
  expect(await listed("dora")).toContain("levels");
  for (const name of ["alice", "bob", "emil"]) expect(await listed(name)).not.toContain("levels");
  const [watching, sensor] = [await connect(a, token), await connect(a, device.accessToken)];
  await watching.subscribe("rules/#");
  await sensor.publish("telemetry/light", JSON.stringify([{ n: "light", v: 5 }]));
  const result = await watching.message(({ topicName }) => topicName === "rules/levels/levels");
  expect(JSON.parse(textOf(result))).toEqual({ value: 5 });
  for (const link of [watching, sensor]) link.cut();

  expect((await api("/v1/me/rules", device.accessToken)).status).toBe(403);
  expect((await api("/v1/dev/rules", token)).status).toBe(401);
});

test("the rules of two apps of one name, one of each DIdP, run over their own users", async () => {
  const [first, second] = await Promise.all(
    [a.didp, b.didp].map((issuer) => Developer.register(a.gateway, "Survey", issuer)),
  );
  if (first === undefined || second === undefined) throw new Error("two were asked for");
  for (const developer of [first, second]) {
    await developer.json("PUT", "/rules/seen", seen);
    const token = await developer.app.ownToken();
    const asOwner = await fetch(`${a.gateway}/v1/me/rules`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(asOwner.status).toBe(401);
    expect(await refusalOf(a, token)).toBe(0x87);
  }
  await second.app.authorize(owner("dora").person, { read: "all" });
  const sensors = await Promise.all(everybody.map((name) => connect(a, owner(name).device.accessToken)));
  for (const [index, sensor] of sensors.entries())
    await sensor.publish("telemetry/light", JSON.stringify([{ n: "light", v: index }]));
  const values = (results: Awaited<ReturnType<Developer["results"]>>) =>
    results.map(({ payload }) => payload.value);
  expect(values(await second.until((results) => results.length > 0))).toEqual([everybody.indexOf("dora")]);
  expect(values(await first.results())).toEqual([]);
  for (const sensor of sensors) sensor.cut();
});

test("an app of the second DIdP gets what dora chooses at the first gateway, until she ends it there", async () => {
  const { person, device, deviceName } = owner("dora");
  const app = await ThirdPartyApp.register(a.gateway, "Chart", "none", b.didp);
  const tokens = await app.authorize(person, { read: "all" });
  expect(tokens.gatewayUri).toBe(a.mqtt);
  const [link, sensor, stranger] = await Promise.all(
    [tokens.accessToken, device.accessToken, owner("alice").device.accessToken].map((token) =>
      connect(a, token),
    ),
  );
  if (link === undefined || sensor === undefined || stranger === undefined)
    throw new Error("three were asked for");
  expect(await link.subscribe("devices/#")).toBe(1);
  expect(await link.subscribe("grant")).toBe(1);
  const { devices } = JSON.parse(textOf(await link.message(({ topicName }) => topicName === "grant")));
  expect(devices).toHaveLength(1);
  await stranger.publish("telemetry/t", "of alice");
  await sensor.publish("telemetry/t", "before");
  await link.message((message) => textOf(message) === "before");

  await person.revokeApp(b.didp, "Chart");
  await link.end();
  expect(await refusalOf(a, tokens.accessToken)).toBe(0x87);
  await sensor.publish("telemetry/t", "after");
  expect(link.heard.map(textOf)).not.toContain("after");
  expect(link.heard.map(textOf)).not.toContain("of alice");
  expect(link.heard.map(textOf).join()).not.toContain(deviceName);
  for (const one of [sensor, stranger]) one.cut();
});

test("bob's device moves to emil, from one DIdP to the other, and nothing of bob goes along", async () => {
  const { person, device, token } = owner("bob");
  const before = await connect(a, device.accessToken);
  await before.publish("telemetry/secret", "bob was here", true);
  const watching = await connect(a, token);
  await watching.subscribe("devices/#");
  const { topicName } = await watching.message((message) => textOf(message) === "bob was here");
  const oldHandle = topicName.split("/")[1] ?? "";

  await releaseDevice(person, a.didp);
  await before.end();
  expect(await refusalOf(a, device.accessToken)).toBe(0x87);
  await expect(device.client.refresh(device.refreshToken)).rejects.toThrow();

  // The same unit, registered by its maker at the other DIdP: a new label.
  const moved = await b.ownedDevice(owner("emil").person, "second hand", a.gateway);
  expect(moved.client.identity.userRegistrationUri).not.toBe(device.client.identity.userRegistrationUri);
  const emil = await connect(a, owner("emil").token);
  await emil.subscribe("devices/#");
  const now = await connect(a, moved.accessToken);
  await now.publish("telemetry/secret", "emil's now");
  const arrived = await emil.message((message) => textOf(message) === "emil's now");
  expect(arrived.topicName).not.toContain(oldHandle);
  await emil.caughtUp();
  expect(emil.heard.map(textOf)).not.toContain("bob was here");
  expect(emil.heard.map(({ topicName }) => topicName).join()).not.toContain(oldHandle);

  const later = await connect(a, token);
  await later.subscribe("devices/#");
  await later.caughtUp();
  expect(later.heard.map(({ topicName }) => topicName).join()).not.toContain(oldHandle);
  expect(later.heard.map(textOf)).not.toContain("emil's now");
  for (const link of [watching, emil, now, later]) link.cut();
});

test("the command line gets dora a token for the first gateway, and none for one that nobody knows", async () => {
  const ask = (gateway: string) =>
    new Edgenym(b.platform.stateDir, ["token", "--owner", "--as", "carol", "--gateway", gateway]);
  const known = ask(a.gateway);
  expect(await known.ended).toBe(0);
  (await connect(a, String(known.records[0]?.access_token))).cut();
  expect(await ask("https://gateway.example").ended).toBe(3);
});

test("a device that dora gives to emil stays at the gateway where it is", async () => {
  const [dora, emil] = [owner("dora").person, owner("emil").person];
  const before = new Set(await deviceReferences(dora, b.didp));
  const { client, accessToken } = await b.ownedDevice(dora, "a gift", a.gateway);
  const reference = (await deviceReferences(dora, b.didp)).find((one) => !before.has(one)) ?? "";
  const link = await connect(a, accessToken);
  await emil.claim(await offerDevice(dora, b.didp, reference), { deviceName: "a present" });
  await link.end();
  const given = await client.poll(await client.switchOn());
  expect(given.gatewayUri).toBe(a.mqtt);
  const [now, watching] = [await connect(a, given.accessToken), await connect(a, owner("emil").token)];
  await watching.subscribe("devices/#");
  await now.publish("telemetry/t", "given away");
  await watching.message((message) => textOf(message) === "given away");
  for (const one of [now, watching]) one.cut();
});

test("with the second DIdP down, its people wait, those who are connected go on, and nobody else notices", async () => {
  const { accessToken } = owner("dora").device;
  const open = await connect(a, accessToken);
  await b.stop();
  expect(await refusalOf(a, accessToken)).toBe(0x88);
  expect(
    await Link.open({ url: a.mqtt, headers: { authorization: `Bearer ${accessToken}` } }, undefined),
  ).toBe(503);
  expect(await open.publish("telemetry/t", "still here")).toBe(true);
  for (const way of waysIn.map(([, one]) => one)) {
    const link = await Link.open(...way(a, owner("alice").device.accessToken));
    if (typeof link === "number") throw new Error(`refused with ${link}`);
    expect(await link.publish("telemetry/t", "as ever")).toBe(true);
    link.cut();
  }
  open.cut();
});

test("no DIdP was ever shown a token of the other", async () => {
  await a.stop();
  await b.stop();
  for (const name of everybody) {
    const { home, device, token } = owner(name);
    const other = home === a ? b : a;
    for (const shown of [device.accessToken, token]) {
      expect(home.shown()).toContain(shown);
      expect(other.shown()).not.toContain(shown);
    }
  }
});
