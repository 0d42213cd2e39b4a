import { compactDecrypt, exportJWK, generateKeyPair } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DEVICE_CODE_GRANT, type MadeDevice, openFactory, SOFTWARE_ID } from "./support/factory.ts";
import { introspect, ownDevice } from "./support/flows.ts";
import { Person } from "./support/person.ts";
import { type Platform, startPlatform } from "./support/platform.ts";

let platform: Platform;
let factory: Awaited<ReturnType<typeof openFactory>>;

beforeAll(async () => {
  platform = await startPlatform(19350);
  factory = await openFactory(platform, { maxCount: 10_000 });
});
afterAll(() => platform.stop());

const template = {
  software_id: SOFTWARE_ID,
  grant_types: [DEVICE_CODE_GRANT, "refresh_token"],
  token_endpoint_auth_method: "client_secret_basic",
};
const send = (path: string, body: object, key: string = crypto.randomUUID(), token = factory.token) =>
  fetch(`${platform.didp}/register/${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "idempotency-key": key },
    body: JSON.stringify({ template, ...body }),
  });
const lines = async (answer: Response) => (await answer.text()).trimEnd().split("\n");
const get = (url: string, token = factory.token, headers: Record<string, string> = {}) =>
  fetch(url, { headers: { authorization: `Bearer ${token}`, ...headers } });

test("a thousand devices in one request, each of which works", async () => {
  const answer = await send("bulk", { count: 1000 });
  expect([answer.status, answer.headers.get("content-type")]).toEqual([201, "application/x-ndjson"]);
  const devices = (await lines(answer)).map((line) => JSON.parse(line) as MadeDevice);
  expect(new Set(devices.map((device) => device.client_id)).size).toBe(1000);
  expect(new Set(devices.map((device) => device.user_code)).size).toBe(1000);
  const tokens = await ownDevice(platform, devices[777] as MadeDevice, new Person("rita"));
  expect((await introspect(platform, tokens.access_token)).active).toBe(true);
});

test("the same request again is the same answer at no cost", async () => {
  const small = await openFactory(platform, { maxCount: 20 });
  const key = crypto.randomUUID();
  const once = await lines(await send("bulk", { count: 20 }, key, small.token));
  const again = await lines(await send("bulk", { count: 20 }, key, small.token));
  const withoutTime = (line: string) => line.replace(/"client_id_issued_at":\d+/, "");
  expect(again.map(withoutTime)).toEqual(once.map(withoutTime));
  expect((await send("bulk", { count: 1 }, crypto.randomUUID(), small.token)).status).toBe(403);
});

test("all or none: a batch beyond the quota or with a used reference registers nothing", async () => {
  const small = await openFactory(platform, { maxCount: 10 });
  expect((await send("bulk", { count: 11 }, crypto.randomUUID(), small.token)).status).toBe(403);
  expect(
    (await send("bulk", { count: 2, refs: ["sn-1", "sn-2"] }, crypto.randomUUID(), small.token)).status,
  ).toBe(201);
  const before = (await platform.dump()).match(/ client \{/g)?.length;
  const answer = await send(
    "bulk",
    { count: 3, refs: ["sn-3", "sn-2", "sn-4"] },
    crypto.randomUUID(),
    small.token,
  );
  expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([
    409,
    "already_registered",
  ]);
  expect((await platform.dump()).match(/ client \{/g)?.length).toBe(before);
});

test.each([
  ["no count", {}],
  ["a count of none", { count: 0 }],
  ["more than a thousand", { count: 1001 }],
  ["too few references", { count: 2, refs: ["a"] }],
  ["a reference twice", { count: 2, refs: ["a", "a"] }],
  ["a private response key", { count: 1, response_key: { kty: "EC", crv: "P-256", x: "x", y: "y", d: "d" } }],
])("%s is refused", async (_, body) => {
  const answer = await send("bulk", body);
  expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([
    400,
    "invalid_client_metadata",
  ]);
});

test("with a response key every line is readable by the provisioning station only", async () => {
  const pair = await generateKeyPair("ECDH-ES", { extractable: true });
  const answer = await send("bulk", { count: 2, response_key: await exportJWK(pair.publicKey) });
  const sealed = await lines(answer);
  expect(sealed).toHaveLength(2);
  for (const line of sealed) {
    const { plaintext } = await compactDecrypt(line, pair.privateKey);
    expect(JSON.parse(new TextDecoder().decode(plaintext))).toHaveProperty("client_secret");
  }
});

test("a job registers thousands, tells how far it is, and gives its results to its own token", async () => {
  const answer = await send("jobs", { count: 2500 });
  expect(answer.status).toBe(202);
  const location = answer.headers.get("location") ?? "";
  expect(await answer.json()).toEqual({ state: "running", done: 0, total: 2500 });
  const job = await get(location, factory.token, { prefer: "wait=30" });
  expect(await job.json()).toEqual({ state: "finished", done: 2500, total: 2500 });
  const devices = (await lines(await get(`${location}/results`))).map(
    (line) => JSON.parse(line) as MadeDevice,
  );
  expect(new Set(devices.map((device) => device.client_id)).size).toBe(2500);
  const tokens = await ownDevice(platform, devices[2499] as MadeDevice, new Person("rita"));
  expect((await introspect(platform, tokens.access_token)).active).toBe(true);
  const other = await openFactory(platform);
  expect((await get(location, other.token)).status).toBe(400);
  expect((await get(`${location}/results`, other.token)).status).toBe(400);
  expect(await platform.dump()).not.toContain(devices[0]?.client_secret);
});
