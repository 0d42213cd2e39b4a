import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Server } from "../e2e/support/server.ts";
import { Household, nextMessage, publishReading, subscribe } from "./household.ts";

/** The owner's rules from a device's PUBLISH to another device's command, over real sockets. */
const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-streams-"));
const server = new Server({
  firstPort: 18_500,
  stateDir,
  arguments: ["--no-demo", "--set", "DEVICE_POLL_SECONDS=1"],
});
let alice: Household;
let bob: Household;

beforeAll(async () => {
  await server.start();
  const { operatorToken } = server.secrets;
  alice = await Household.open(server.addresses, operatorToken, "alice", {
    hall: "room-node",
    lamp: "power-plug",
  });
  bob = await Household.open(server.addresses, operatorToken, "bob", { hall: "room-node" });
});

afterAll(async () => {
  await server.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

const dark = `
  @source(type='things', property='light', device='hall')
  define stream Light (device string, value double);
  @sink(type='command', device='lamp', action='led', value='{{on}}')
  define stream Lamp (on bool);
  @sink(type='stream', topic='levels', retain='true')
  define stream Levels (device string, value double);
  @sink(type='alarm', id='{{device}}', title='It is dark', severity='info')
  define stream Dark (device string, value double);
  from Light[value < 10] select true as on insert into Lamp;
  from Light[value < 10] select device, value insert into Dark;
  from Light select device, value insert into Levels;
`;

test("a reading of one device becomes a command to another, an alarm, and a stream that the owner reads", async () => {
  await alice.deploy("dark", dark);
  const lamp = await alice.connect("lamp");
  await subscribe(lamp, "command/+");
  const owner = await alice.connect("owner");
  await subscribe(owner, "rules/#");
  const alarms = await alice.connect("owner");
  await subscribe(alarms, "alarms/#");
  const hall = await alice.connect("hall");

  publishReading(hall, "light", 5, 1);
  const command = await nextMessage(lamp);
  expect(command).toMatchObject({ topic: "command/led", json: { id: "dark.1", value: true }, id: "dark.1" });
  const stream = await nextMessage(owner);
  expect(stream).toMatchObject({ topic: "rules/dark/levels", json: { value: 5 } });
  const alarm = await nextMessage(alarms);
  expect(alarm.json).toMatchObject({
    rule: "dark",
    title: "It is dark",
    state: "raised",
    event: { value: 5 },
  });
  expect(alarm.topic).toMatch(/^alarms\/dark\.[\w-]+$/);
  for (const peer of [lamp, owner, alarms, hall]) peer.cut();
});

test("the retained stream and alarm are there for who comes later, and for no device and no other owner", async () => {
  const later = await alice.connect("owner");
  await subscribe(later, "rules/dark/levels");
  expect(await nextMessage(later)).toMatchObject({ json: { value: 5 } });
  later.cut();

  const others = await bob.connect("owner");
  await subscribe(others, "#"); // his things, rules and alarms
  const bobsHall = await bob.connect("hall");
  publishReading(bobsHall, "light", 1, 1);
  publishReading(bobsHall, "sound", 2, 2);
  // He has no rule: between his own two readings there is nothing.
  const topics = [(await nextMessage(others)).topic, (await nextMessage(others)).topic];
  expect(topics).toEqual([
    expect.stringMatching(/^devices\/[^/]+\/telemetry\/light$/),
    expect.stringMatching(/^devices\/[^/]+\/telemetry\/sound$/),
  ]);
  others.cut();
  bobsHall.cut();
});

test("over HTTP: deploy with a precondition, validate, list, metrics, stop, start, dry run, delete", async () => {
  const put = await alice.api("PUT", "/rules/second", dark.replaceAll("'levels'", "'second'"));
  expect([put.status, put.headers.get("etag")]).toEqual([201, '"1"']);
  expect((await alice.api("PUT", "/rules/second", dark, { "if-match": '"7"' })).status).toBe(412);
  expect((await alice.api("PUT", "/rules/second", { text: dark }, { "if-match": '"1"' })).status).toBe(200);

  const wrong = await alice.api(
    "POST",
    "/rules:validate",
    "define stream S (a int);\nfrom T select a insert into Out;",
  );
  expect(wrong.status).toBe(422);
  expect(wrong.headers.get("content-type")).toContain("application/problem+json");
  expect(await wrong.json()).toMatchObject({ code: "UNKNOWN_STREAM", line: 2, status: 422 });
  expect(await (await alice.api("POST", "/rules:validate", dark)).json()).toEqual({ valid: true });

  const list = (await (await alice.api("GET", "/rules")).json()) as { rules: { name: string }[] };
  expect(list.rules.map(({ name }) => name)).toEqual(["dark", "second"]);
  expect(await (await alice.api("GET", "/rules/dark/metrics")).json()).toMatchObject({
    events_in: 1,
    events_out: 3,
    errors: 0,
    lag_ms: expect.any(Number),
  });
  expect(await (await alice.api("POST", "/rules/second/stop")).json()).toMatchObject({ state: "stopped" });
  expect(await (await alice.api("POST", "/rules/second/start")).json()).toMatchObject({ state: "running" });

  const at = "2026-11-22T00:00:00Z";
  const events = [{ topic: "devices/x/telemetry/light", name: "hall", payload: [{ n: "light", v: 3 }], at }];
  const tested = await (await alice.api("POST", "/rules/second/test", { events })).json();
  expect(tested).toMatchObject({
    events_in: 1,
    results: [
      { kind: "command", device: "lamp", action: "led", after_event: 0, payload: { value: true } },
      { kind: "alarm" },
      { kind: "stream" },
    ],
  });
  expect((await alice.api("DELETE", "/rules/second")).status).toBe(204);
  expect((await alice.api("GET", "/rules/second")).status).toBe(404);
  expect(await (await alice.api("GET", "/rules/openapi.json")).json()).toMatchObject({ openapi: "3.1.0" });
});

test("a ready-made rule is deployed from a form's values, and a dry run tells why", async () => {
  const { templates } = (await (await alice.api("GET", "/rules:templates")).json()) as {
    templates: { id: string; parameters: { name: string }[] }[];
  };
  expect(templates.find(({ id }) => id === "threshold")?.parameters.map(({ name }) => name)).toEqual([
    "high",
    "low",
  ]);
  const form = {
    template: "threshold",
    values: { high: 800, low: 600 },
    from: { property: "sound", device: "hall" },
  };
  expect((await alice.api("PUT", "/rules/loud", form)).status).toBe(201);
  const at = "2026-11-22T00:00:00Z";
  const events = [{ topic: "devices/x/telemetry/sound", name: "hall", payload: 900, at }];
  expect(await (await alice.api("POST", "/rules/loud/test", { events, trace: true })).json()).toMatchObject({
    results: [{ kind: "alarm", payload: { event: { value: 900, state: "raised" } } }],
    trace: expect.arrayContaining([
      expect.objectContaining({ query: "sides", after_event: 0, expired: false }),
    ]),
  });
  const wrong = { ...form, values: { high: "x" } };
  const refused = await alice.api("PUT", "/rules/loud", wrong);
  expect([refused.status, await refused.json()]).toMatchObject([422, { code: "WRONG_PARAMETERS" }]);
  expect((await alice.api("DELETE", "/rules/loud")).status).toBe(204);
});

test("without an owner's token there are no rules, and another owner's are not seen", async () => {
  const none = await fetch(`${server.addresses.gateway}/v1/me/rules`);
  expect(none.status).toBe(401);
  expect(none.headers.get("www-authenticate")).toContain("resource_metadata=");
  expect(await (await bob.api("GET", "/rules")).json()).toEqual({ rules: [] });
  expect((await bob.api("GET", "/rules/dark")).status).toBe(404);
  expect((await bob.api("PUT", "/rules/UPPER", dark)).status).toBe(400);
});

test("a command goes only to the owner's own devices", async () => {
  const stray = `
    @source(type='things', property='sound') define stream Sound (value double);
    @sink(type='command', device='nobody', action='led', value='true') define stream Lamp (value double);
    @sink(type='stream', topic='after') define stream After (value double);
    from Sound select value insert into Lamp;
    from Sound select value insert into After;
  `;
  await bob.deploy("stray", stray);
  const owner = await bob.connect("owner");
  await subscribe(owner, "+/#");
  const hall = await bob.connect("hall");
  publishReading(hall, "sound", 1, 1);
  const seen: string[] = [];
  while (!seen.includes("rules/stray/after")) seen.push((await nextMessage(owner)).topic);
  expect(seen.filter((topic) => topic.includes("command"))).toEqual([]);
  owner.cut();
  hall.cut();
});
