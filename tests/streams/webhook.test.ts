import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Server } from "../e2e/support/server.ts";
import { Household, publishReading } from "./household.ts";

/** What rules post to a server outside: a real one, that is slow, fails, and sees the platform killed. */
const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-streams-webhook-"));
const server = new Server({
  firstPort: 18_540,
  stateDir,
  arguments: ["--no-demo", "--set", "DEVICE_POLL_SECONDS=1", "--set", "ALLOW_LOOPBACK_WEBHOOKS=true"],
});
let alice: Household;

interface Received {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  answer(status: number, headers?: Record<string, string>): void;
}

/** A receiver; each request waits until the test answers it. */
const requests: Received[] = [];
let arrived = Promise.withResolvers<void>();
const receiver = createServer((request, response: ServerResponse) => {
  let body = "";
  request.on("data", (chunk: Buffer) => {
    body += chunk.toString();
  });
  request.on("end", () => {
    requests.push({
      headers: request.headers,
      body,
      answer: (status, headers = {}) => response.writeHead(status, headers).end(),
    });
    arrived.resolve();
  });
});

async function nextRequest(): Promise<Received> {
  for (;;) {
    const request = requests.shift();
    if (request !== undefined) return request;
    await arrived.promise;
    arrived = Promise.withResolvers();
  }
}

const url = () => `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`; // it listens on a port
const ruleTo = (target: string) => `
  @source(type='things', property='light')
  define stream Light (name string, value double);
  @sink(type='webhook', url='${target}', event='dark', subject='{{name}}')
  define stream Dark (name string, value double);
  from Light[value < 10] select name, value insert into Dark;
`;

beforeAll(async () => {
  await once(receiver.listen(0, "127.0.0.1"), "listening");
  await server.start();
  alice = await Household.open(server.addresses, server.secrets.operatorToken, "alice", {
    hall: "room-node",
  });
});

afterAll(async () => {
  await server.stop();
  receiver.closeAllConnections();
  receiver.close();
  rmSync(stateDir, { recursive: true, force: true });
});

const idOf = ({ headers }: Received) => String(headers["webhook-id"]);
const isSigned = ({ headers, body }: Received, secret: string) => {
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const signed = createHmac("sha256", key)
    .update(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`)
    .digest("base64");
  return String(headers["webhook-signature"]).split(" ").includes(`v1,${signed}`);
};
const webhooks = async () =>
  ((await (await alice.api("GET", "/rules/dark/metrics")).json()) as { webhooks: unknown }).webhooks;
let secret = "";

test("the secret is told once; a reading is posted as a signed CloudEvent", async () => {
  const put = await alice.api("PUT", "/rules/dark", ruleTo(url()));
  secret = ((await put.json()) as { webhook_secret: string }).webhook_secret;
  expect([put.status, secret]).toEqual([201, expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/)]);
  const again = await alice.api("PUT", "/rules/dark", `${ruleTo(url())} -- the same`);
  expect(await again.json()).not.toHaveProperty("webhook_secret");
  expect(await (await alice.api("GET", "/rules/dark")).text()).not.toContain("whsec_");

  const hall = await alice.connect("hall");
  publishReading(hall, "light", 5, 1);
  const request = await nextRequest();
  request.answer(204);
  expect(isSigned(request, secret)).toBe(true);
  expect(request.headers["content-type"]).toContain("application/cloudevents+json");
  expect(JSON.parse(request.body)).toMatchObject({
    specversion: "1.0",
    id: idOf(request),
    type: "edgenym.rule.dark",
    subject: "hall",
    data: { name: "hall", value: 5 },
  });
  hall.cut();
});

test("what fails is sent again under the same id, and others do not wait for it", async () => {
  const hall = await alice.connect("hall");
  publishReading(hall, "light", 4, 1);
  const failed = await nextRequest();
  // Elsewhere may be inside: a redirect is not followed.
  failed.answer(302, { location: `${url()}/inside` });
  publishReading(hall, "light", 3, 2);
  const other = await nextRequest();
  expect(idOf(other)).not.toBe(idOf(failed));
  other.answer(200);
  const again = await nextRequest();
  expect([idOf(again), again.body]).toEqual([idOf(failed), failed.body]);
  expect(isSigned(again, secret)).toBe(true);
  again.answer(200);
  hall.cut();
});

test("killed while the receiver thinks, the platform posts it again under the same id", async () => {
  const hall = await alice.connect("hall");
  publishReading(hall, "light", 2, 1);
  const before = await nextRequest();
  await server.kill();
  before.answer(200);
  await server.start();
  const after = await nextRequest();
  expect([idOf(after), after.body]).toEqual([idOf(before), before.body]);
  after.answer(200);
});

test("a receiver that is gone for good, or never answers well, is a dead letter that the owner sees", async () => {
  const hall = await alice.connect("hall");
  publishReading(hall, "light", 1, 1);
  (await nextRequest()).answer(410);
  await expect.poll(webhooks, { timeout: 20_000 }).toEqual({
    waiting: 0,
    delivered: 4,
    dead: 1,
    dead_letters: [{ id: expect.stringMatching(/^dark\.\d+$/), at: expect.any(String), reason: "410" }],
  });
  hall.cut();
});

test("another secret is told once as well, and for a day both sign", async () => {
  const renewed = (await (await alice.api("POST", "/rules/dark/webhook-secret")).json()) as {
    webhook_secret: string;
  };
  const hall = await alice.connect("hall");
  publishReading(hall, "light", 0, 1);
  const request = await nextRequest();
  request.answer(200);
  expect([isSigned(request, renewed.webhook_secret), isSigned(request, secret)]).toEqual([true, true]);
  expect((await alice.api("POST", "/rules/nothing/webhook-secret")).status).toBe(404);
  hall.cut();
});

test.each([
  "http://example.org/hook",
  "https://169.254.169.254/latest/meta-data",
  "https://localhost/hook",
  "https://router.home.arpa/hook",
  "https://example.org:8443/hook",
  "https://user@example.org/hook",
  "https://{{name}}.example.org/hook",
])("%s is no server that a rule may post to", async (target) => {
  const refused = await alice.api("PUT", "/rules/inside", ruleTo(target));
  expect([refused.status, await refused.json()]).toMatchObject([422, { code: "WRONG_ANNOTATION", line: 4 }]);
});
