import { expect, test } from "vitest";
import type { Posting } from "./hand-over.ts";
import { webhookMessage, webhookSecret, webhookSignature } from "./webhook-message.ts";

const posting: Posting = {
  kind: "webhook",
  number: 7,
  id: "warm.7",
  rule: "warm",
  url: "https://one.example.org/hook",
  event: "too-warm",
  subject: "kitchen",
  atMs: Date.UTC(2026, 10, 22),
  payload: '{"value":31}',
};
const nowMs = Date.UTC(2026, 10, 22, 0, 0, 1);
const secret = webhookSecret(new Uint8Array(32).fill(7));

test("the signature is that of the example of Standard Webhooks", async () => {
  expect(
    await webhookSignature(
      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
      "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "1614265330",
      '{"test": 2432232314}',
    ),
  ).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
});

test("a posting becomes a CloudEvent with the same id at every try", async () => {
  const first = await webhookMessage(posting, "origin", { current: secret }, nowMs);
  const second = await webhookMessage(posting, "origin", { current: secret }, nowMs + 5_000);
  expect(JSON.parse(first.body)).toEqual({
    specversion: "1.0",
    id: expect.stringMatching(/^msg_[\w-]{22}\.warm\.7$/),
    source: expect.stringMatching(/^urn:edgenym:rules:[\w-]{22}:warm$/),
    type: "edgenym.rule.too-warm",
    subject: "kitchen",
    time: "2026-11-22T00:00:00.000Z",
    datacontenttype: "application/json",
    data: { value: 31 },
  });
  expect(second.body).toBe(first.body);
  expect(first.headers["webhook-id"]).toBe(JSON.parse(first.body).id);
  expect(first.headers["webhook-timestamp"]).toBe(String(nowMs / 1000));
  expect(second.headers["webhook-signature"]).not.toBe(first.headers["webhook-signature"]);
});

test("two servers see two sources of the same rules, and one server sees one", async () => {
  const sourceAt = async (url: string, origin = "origin") =>
    JSON.parse((await webhookMessage({ ...posting, url }, origin, { current: secret }, nowMs)).body).source;
  expect(await sourceAt("https://two.example.org/")).not.toBe(await sourceAt("https://one.example.org/"));
  expect(await sourceAt("https://one.example.org/other")).toBe(await sourceAt("https://one.example.org/"));
  expect(await sourceAt("https://one.example.org/", "another")).not.toBe(
    await sourceAt("https://one.example.org/"),
  );
});

test("while a receiver may still know the last secret, both sign", async () => {
  const previous = webhookSecret(new Uint8Array(32).fill(8));
  const { headers, body } = await webhookMessage(posting, "origin", { current: secret, previous }, nowMs);
  const signed = (key: string) =>
    webhookSignature(key, headers["webhook-id"] ?? "", headers["webhook-timestamp"] ?? "", body);
  expect(headers["webhook-signature"]).toBe(`${await signed(secret)} ${await signed(previous)}`);
});
