import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Server } from "../e2e/support/server.ts";
import { type AppTokens, ThirdPartyApp } from "../support/third-party-app.ts";
import { Developer, handleOf } from "./developer.ts";
import { Household, nextMessage, publishReading, subscribe } from "./household.ts";

/** Two apps' rules over what two users granted to them, over real sockets, through consent and revocation. */
const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-fleet-"));
const server = new Server({
  firstPort: 18_520,
  stateDir,
  arguments: ["--no-demo", "--set", "DEVICE_POLL_SECONDS=1", "--set", "ALLOW_LOOPBACK_WEBHOOKS=true"],
});
/** The developer's own server, which takes what the rules post. */
const posted: { readonly headers: IncomingHttpHeaders; readonly body: string }[] = [];
const receiver = createServer((request, response) => {
  let body = "";
  request.on("data", (chunk: Buffer) => {
    body += chunk.toString();
  });
  request.on("end", () => {
    posted.push({ headers: request.headers, body });
    receiver.emit("posted");
    response.writeHead(204).end();
  });
});
let alice: Household;
let bob: Household;
let first: Developer;
let second: Developer;
let canonical: { hall: string; cellar: string; bobs: string };
let granted: { alice: AppTokens; bob: AppTokens };

beforeAll(async () => {
  receiver.listen(0, "127.0.0.1");
  await Promise.all([once(receiver, "listening"), server.start()]);
  const { operatorToken } = server.secrets;
  alice = await Household.open(server.addresses, operatorToken, "alice", {
    hall: "room-node",
    cellar: "room-node",
  });
  bob = await Household.open(server.addresses, operatorToken, "bob", { attic: "room-node" });
  canonical = {
    hall: await handleOf(alice, "hall"),
    cellar: await handleOf(alice, "cellar"),
    bobs: await handleOf(bob, "attic"),
  };
  first = await Developer.register(server.addresses.gateway, "Light survey");
  second = await Developer.register(server.addresses.gateway, "Other app");
});

afterAll(async () => {
  await server.stop();
  receiver.close();
  rmSync(stateDir, { recursive: true, force: true });
});

const survey = (hook: string) => `
  @source(type='things', property='light')
  define stream Light (user string, device string, value double);
  @sink(type='stream', topic='means') define stream Means (device string, mean double, n long);
  @sink(type='stream', topic='survey')
  @sink(type='webhook', url='${hook}', event='survey', min.users='2')
  define stream Survey (users long, n long);
  @sink(type='stream', user='{{user}}', topic='dark') define stream Told (user string, device string, value double);
  @sink(type='command', user='{{user}}', device='{{device}}', action='led', value='true')
  define stream Lamp (user string, device string);
  partition with (device of Light) begin
    from Light select user, device, avg(value) as mean, count() as n insert into PerDevice;
  end;
  from PerDevice select device, mean, n insert into Means;
  from PerDevice#window.length(1000) select distinctCount(user) as users, count() as n insert into Survey;
  from Light[value < 10] select user, device, value insert into Told;
  from Light[value < 10] select user, device insert into Lamp;
`;

const hook = () => `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`; // it listens on a port

const whole = (users: number, n: number) => (results: readonly { payload: object }[]) =>
  results.some(({ payload }) => JSON.stringify(payload) === JSON.stringify({ users, n }));

test("the API is for an app's own token: no user's, no public app's, no other scope", async () => {
  const { gateway } = server.addresses;
  const asked = await fetch(`${gateway}/v1/dev/rules`);
  expect([asked.status, asked.headers.get("www-authenticate")]).toEqual([
    401,
    expect.stringContaining("resource_metadata"),
  ]);
  const withOwners = await fetch(`${gateway}/v1/dev/rules`, {
    headers: { authorization: `Bearer ${alice.ownerToken}` },
  });
  expect(withOwners.status).toBe(401);
  const open = await ThirdPartyApp.register(gateway, "In a browser");
  await expect(open.ownToken()).rejects.toMatchObject({ error: "unauthorized_client" });
  expect(await first.json("GET", "/rules/openapi.json")).toMatchObject({
    openapi: "3.1.0",
    paths: { "/v1/dev/results": {} },
  });
  // And the other way round: it opens nothing of any user's.
  const mine = await fetch(`${gateway}/v1/me/rules`, {
    headers: { authorization: `Bearer ${await first.app.ownToken()}` },
  });
  expect(mine.status).toBe(401);
});

test("a deployment says which columns leave, and whether they are grouped over users", async () => {
  const wrong = await first.api(
    "PUT",
    "/rules/survey",
    survey(hook()).replace("user='{{user}}', device", "device"),
  );
  expect([wrong.status, await wrong.json()]).toMatchObject([
    422,
    { code: "WRONG_ANNOTATION", expected: ["user"] },
  ]);
  const answer = await first.api("PUT", "/rules/survey", survey(hook()));
  const deployed = await answer.json();
  expect(deployed).toMatchObject({ webhook_secret: expect.stringMatching(/^whsec_/) });
  expect([answer.status, deployed]).toMatchObject([
    201,
    {
      state: "running",
      outputs: [
        {
          stream: "Means",
          goes_to: "developer",
          grouped_over_users: false,
          columns: [{ name: "device", from: ["device"] }, {}, {}],
        },
        { stream: "Survey", goes_to: "developer", grouped_over_users: true, minimum_users: null },
        { stream: "Survey", sink: "webhook", goes_to: "developer", minimum_users: 2 },
        { stream: "Told", goes_to: "user", grouped_over_users: false },
        { stream: "Lamp", goes_to: "user", grouped_over_users: false },
      ],
      queries: [{ runs: "in the shards" }, {}, { runs: "combined", keeps_rows_of_many_users: true }, {}, {}],
    },
  ]);
  const elsewhere = survey("https://hook.example/");
  await second.json("PUT", "/rules/survey", elsewhere);
});

test("what was consented comes in, under the app's own handles, with nobody online but the devices", async () => {
  granted = {
    alice: await first.app.authorize(alice.person, { read: [canonical.hall], command: [canonical.hall] }),
    bob: await first.app.authorize(bob.person, { read: "all", command: [] }),
  };
  await second.app.authorize(bob.person, { read: "all", command: [] });
  const hall = await alice.connect("hall");
  await subscribe(hall, "command/+");
  const cellar = await alice.connect("cellar");
  const attic = await bob.connect("attic");
  publishReading(cellar, "light", 1, 1); // not granted
  publishReading(hall, "sound", 1, 1); // not asked for
  publishReading(hall, "light", 30, 2);
  publishReading(hall, "light", 50, 3);
  publishReading(attic, "light", 20, 1);

  const results = await first.until(whole(2, 3));
  const means = results.filter(({ stream }) => stream === "means").map(({ payload }) => payload);
  expect(means).toHaveLength(3);
  expect(means).toContainEqual(expect.objectContaining({ mean: 40, n: 2 }));
  const others = await second.until(whole(1, 1));
  const text = JSON.stringify([results, others]);
  for (const handle of Object.values(canonical)) expect(text).not.toContain(handle);
  const handles = new Set(
    [...results, ...others].flatMap(({ payload }) => (payload.device === undefined ? [] : [payload.device])),
  );
  expect(handles.size).toBe(3); // hall and attic for one app, attic by another name for the other

  // A result of one user alone is withheld from the server outside.
  const enough = results.flatMap(({ stream, payload }) =>
    stream === "survey" && Number(payload.users) >= 2 ? [payload] : [],
  );
  while (posted.length < enough.length) await once(receiver, "posted");
  const told = posted.map(({ body }) => JSON.parse(body).data).sort((a, b) => a.n - b.n);
  expect(told).toEqual(enough);
  expect(posted[0]?.headers["webhook-signature"]).toMatch(/^v1,/);

  const { peer, handles: known } = await first.connect(granted.alice);
  expect(means.map(({ device }) => device)).toContain(known[0]);
  peer.cut();
  expect(await first.json("GET", "/fleet")).toMatchObject({ users: 2, limits: { max_rules: 20 } });
  for (const device of [hall, cellar, attic]) device.cut();
});

test("what concerns one user goes back through the grant: told to the app's session, commanded only where allowed", async () => {
  const { peer, handles } = await first.connect(granted.alice);
  await subscribe(peer, "rules/#");
  const hall = await alice.connect("hall");
  await subscribe(hall, "command/+");
  const attic = await bob.connect("attic");
  await subscribe(attic, "command/+");
  publishReading(attic, "light", 2, 1);
  publishReading(hall, "light", 3, 1);
  const command = await nextMessage(hall);
  expect(command).toMatchObject({ topic: "command/led", json: { value: true } });
  expect(await nextMessage(peer)).toMatchObject({
    topic: "rules/survey/dark",
    json: { device: handles[0], value: 3 },
  });
  // Bob did not allow it: refused in his own cloud, and counted.
  let refused = 0;
  while (refused === 0) refused = Number((await first.json("GET", "/fleet")).refused_returns);
  expect(refused).toBe(1);
  for (const device of [peer, hall, attic]) device.cut();
});

test("after the end of a grant nothing of it comes in, goes back, or is left to read; the other one goes on", async () => {
  const before = await first.results();
  const aliceHandle = before.find(({ payload }) => payload.mean === 40)?.payload.device;
  await first.app.revoke(granted.alice.refreshToken);
  const hall = await alice.connect("hall");
  const attic = await bob.connect("attic");
  for (const [i, value] of [1, 2, 3].entries()) publishReading(hall, "light", value, i + 1);
  publishReading(attic, "light", 60, 1);
  // Bob's reading is the sixth that was ever taken: none of Alice's three is between them.
  const results = await first.until((all) => all.some(({ payload }) => payload.n === 6));
  expect(JSON.stringify(results)).not.toContain(String(aliceHandle));
  publishReading(attic, "light", 60, 2);
  const later = await first.until((all) => all.some(({ payload }) => payload.n === 7));
  expect(
    later.filter(({ stream }) => stream === "means").every(({ payload }) => payload.device !== aliceHandle),
  ).toBe(true);
  expect(await first.json("GET", "/fleet")).toMatchObject({ users: 1 });
  for (const device of [hall, attic]) device.cut();
});
