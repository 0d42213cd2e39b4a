import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Person } from "../../cli/sim/person.ts";
import { eventTypes } from "../../engines/oauth/event-types.ts";
import { issuerTag } from "../../engines/oauth/issuer-tag.ts";
import { RouteSealer } from "../../engines/oauth/sealed-route.ts";
import type { DeviceTokens } from "../support/owned-device.ts";
import { ThirdPartyApp } from "../support/third-party-app.ts";
import { Link, textOf } from "../visibility/support/link.ts";
import { connect, refusalOf } from "./support/connections.ts";
import { type Answer, FakeDidp, json, pushToken } from "./support/fake-didp.ts";
import { Operator } from "./support/operator.ts";

/** A trusted issuer that lies, and one that is somebody else: alice, of the home DIdP, must not notice either. */
const PORT = 18_940;

let a: Operator;
let liar: FakeDidp;
let impostor: FakeDidp;
let alice: { person: Person; device: DeviceTokens; token: string; user: string; handle: string };

beforeAll(async () => {
  liar = await FakeDidp.start(PORT + 6);
  impostor = await FakeDidp.start(PORT + 7);
  impostor.describe = { issuer: liar.issuer };
  a = await Operator.start(PORT, { TRUSTED_ISSUERS: JSON.stringify([liar.issuer, impostor.issuer]) });
  const person = new Person({ login: "alice" });
  const device = await a.ownedDevice(person, "lamp", a.gateway);
  const token = await a.ownerToken(person, a.gateway);
  const sealer = new RouteSealer(new Uint8Array(Buffer.from(a.platform.secrets.routeKey, "base64url")));
  const user = await sealer.unseal(new URL(device.gatewayUri).pathname.split("/").at(-1) ?? "");
  const [watching, lamp] = [await connect(a, token), await connect(a, device.accessToken)];
  await watching.subscribe("devices/#");
  await lamp.publish("telemetry/t", "hello");
  const { topicName } = await watching.message((message) => textOf(message) === "hello");
  for (const link of [watching, lamp]) link.cut();
  alice = { person, device, token, user: user ?? "", handle: topicName.split("/")[1] ?? "" };
});

afterAll(async () => {
  await a?.stop();
  a?.remove();
  for (const didp of [liar, impostor]) await didp?.stop();
});

beforeEach(() => {
  liar.asked.length = 0;
  liar.answer = json({ active: false });
});

const authority = (changes: object = {}) => ({
  active: true,
  sub: "mallory",
  kind: "device",
  hdl: "mallorys-own-device-00",
  aif: [["#", ["pub", "sub"]]],
  exp: Math.floor(Date.now() / 1000) + 600,
  epoch: 1,
  ...changes,
});

/** Does something to an open connection of alice's device, and sees it work before and after. */
async function aliceGoesOn(meanwhile: () => Promise<void>): Promise<Link> {
  const [watching, lamp] = [await connect(a, alice.token), await connect(a, alice.device.accessToken)];
  await watching.subscribe("devices/#");
  await meanwhile();
  expect(await lamp.publish("telemetry/t", "still")).toBe(true);
  await watching.message((message) => textOf(message) === "still");
  lamp.cut();
  watching.cut();
  return watching;
}

test("whoever it says a token is of, it is nobody of another issuer's", async () => {
  for (const changes of [
    { sub: alice.user, hdl: alice.handle },
    { sub: alice.user, hdl: alice.handle, kind: "owner" },
    { sub: alice.user, hdl: alice.handle, epoch: 1e9 },
  ]) {
    liar.answer = json(authority(changes));
    const heard = await aliceGoesOn(async () => {
      const link = await connect(a, await liar.token());
      await link.subscribe("#");
      await link.publish("telemetry/t", "forged");
      await link.publish(`devices/${alice.handle}/telemetry/t`, "forged");
      expect(link.heard.map(textOf)).not.toContain("hello");
      link.cut();
    });
    expect(heard.heard.map(textOf)).not.toContain("forged");
  }
  // Nor by the sealed route that leads to her.
  expect(await refusalOf(a, await liar.token(), alice.device.gatewayUri)).toBe(0x87);
});

test("whom it says has ended or claimed something, it is nobody of another issuer's", async () => {
  const sub_id = { format: "opaque", id: alice.user };
  const device = {
    handle: alice.handle,
    name: "hijacked",
    model: { title: "x", properties: {}, actions: {} },
  };
  await aliceGoesOn(async () => {
    for (const handle of ["*", alice.handle]) {
      const events = { [eventTypes.revoked]: { handle, epoch: 1e9, reason: "deleted" } };
      expect((await liar.push(a.gateway, { sub_id, events })).status).toBe(202);
    }
    const events = { [eventTypes.claimed]: { device } };
    expect((await liar.push(a.gateway, { sub_id, events })).status).toBe(202);
  });
  expect(await namesOnSelectionPage()).toContain("lamp");
  expect(await namesOnSelectionPage()).not.toContain("hijacked");
});

/** The page on which alice would choose devices for an app of the home DIdP. */
async function namesOnSelectionPage(): Promise<string> {
  const app = await ThirdPartyApp.register(a.gateway, "Any app");
  const request = await app.request("v".repeat(43));
  let page = await alice.person.open(app.authorizationUrl(request));
  for (let forms = 0; forms < 3 && !page.url.href.startsWith(a.gateway); forms += 1) {
    const form = page.forms.find(({ buttons }) => buttons.some(({ value }) => value === "approve"));
    if (form === undefined) throw new Error(`nothing to approve on "${page.heading}"`);
    const entries = [...form.fields, { name: "decision", value: "approve" }].map(
      ({ name, value }): [string, string] => [name, value],
    );
    page = await alice.person.submit(page, { form, entries });
  }
  return page.html;
}

test("its own user's connection ends with its event, before the event is acknowledged", async () => {
  liar.answer = json(authority({ sub: "oscar" }));
  const link = await connect(a, await liar.token());
  const sub_id = { format: "opaque", id: "oscar" };
  const events = { [eventTypes.revoked]: { handle: "*", epoch: 2, reason: "revoked" } };
  for (let times = 0; times < 2; times += 1)
    expect((await liar.push(a.gateway, { sub_id, events })).status).toBe(202);
  await link.end();
  expect(await refusalOf(a, await liar.token())).toBe(0x87);
  liar.answer = json(authority({ sub: "oscar", epoch: 2 }));
  (await connect(a, await liar.token())).cut();
});

describe("an event is refused", () => {
  const sub_id = { format: "opaque", id: "mallory" };
  const events = { [eventTypes.revoked]: { handle: "*", epoch: 2, reason: "revoked" } };
  const refusal = async (answer: Response) => [answer.status, (await answer.json()) as unknown];

  test.each([
    ["in the name of the home DIdP", () => ({ iss: a.didp }), "invalid_issuer"],
    ["in the name of nobody who is trusted", () => ({ iss: "https://didp.example" }), "invalid_issuer"],
    ["for another gateway", () => ({ aud: "https://gateway.example" }), "invalid_audience"],
    ["when it is old", () => ({ iat: Math.floor(Date.now() / 1000) - 3600 }), "invalid_request"],
    ["without a subject", () => ({ sub_id: undefined }), "invalid_request"],
  ])("%s", async (_, changes, err) => {
    expect(await refusal(await liar.push(a.gateway, { sub_id, events, ...changes() }))).toEqual([
      400,
      { err, description: expect.any(String) },
    ]);
  });

  test("signed by another trusted issuer", async () => {
    const answer = await impostor.push(a.gateway, { iss: liar.issuer, sub_id, events });
    expect(await refusal(answer)).toEqual([400, { err: "invalid_key", description: expect.any(String) }]);
  });

  test("when it is no token, no security event token, or too large", async () => {
    const refused = [400, { err: "invalid_request", description: expect.any(String) }];
    expect(await refusal(await pushToken(a.gateway, "nonsense"))).toEqual(refused);
    expect(await refusal(await pushToken(a.gateway, "a.b.c", "application/jwt"))).toEqual(refused);
    expect(await refusal(await pushToken(a.gateway, "A".repeat(70_000)))).toEqual(refused);
  });

  test("for now, while the keys of its issuer are not to be had", async () => {
    expect((await impostor.push(a.gateway, { sub_id, events })).status).toBe(503);
  });
});

describe("a proper answer is none when it", () => {
  const never: Answer = () => {};
  test.each<[string, Answer]>([
    ["is no JSON", (_, response) => void response.end("<html>")],
    ["is an error", (_, response) => void response.writeHead(500).end()],
    ["is a refusal of this gateway", (_, response) => void response.writeHead(401).end("{}")],
    ["is a redirect", (_, response) => void response.writeHead(302, { location: `${PORT}` }).end()],
    ["is huge", (_, response) => void response.end(`{"active":false,"x":"${"x".repeat(100_000)}"}`)],
    ["has a form of its own", json({ active: true })],
    ["gives what is no topic filter", (q, r) => json(authority({ aif: [["a/#/b", ["sub"]]] }))(q, r)],
    ["has a topic for a handle", (q, r) => json(authority({ hdl: `${"x".repeat(22)}/#` }))(q, r)],
    ["does not come", never],
    ["does not end", (_, response) => void response.writeHead(200).write('{"active":')],
  ])("%s: 0x88, and the upgrade 503", async (_, answer) => {
    liar.answer = answer;
    const token = await liar.token();
    expect(await refusalOf(a, token)).toBe(0x88);
    const headers = { authorization: `Bearer ${token}` };
    expect(await Link.open({ url: a.mqtt, headers }, undefined)).toBe(503);
  });

  test("comes from an issuer that calls itself by another's name", async () => {
    expect(await refusalOf(a, await impostor.token())).toBe(0x88);
    expect(impostor.asked).toEqual([]);
  });
});

test("an issuer that hangs holds up its own users, and no more questions at once than it may", async () => {
  const hanging: (() => void)[] = [];
  liar.answer = (question, response) => {
    hanging.push(() => json({ active: false })(question, response));
  };
  const refused = Promise.all(Array.from({ length: 60 }, async () => refusalOf(a, await liar.token())));
  await aliceGoesOn(async () => {});
  expect(new Set(await refused)).toEqual(new Set([0x88]));
  expect(hanging.length).toBeGreaterThan(0);
  expect(liar.asked.length).toBeLessThanOrEqual(32);
  liar.answer = json(authority());
  (await connect(a, await liar.token())).cut();
});

test("an issuer that has moved its endpoint is found again by the next question", async () => {
  liar.describe = { introspection_endpoint: `${liar.issuer}/moved` };
  liar.answer = (question, response) => {
    if (question.path === "/moved") json(authority())(question, response);
    else response.writeHead(404).end();
  };
  expect(await refusalOf(a, await liar.token())).toBe(0x88);
  (await connect(a, await liar.token())).cut();
  liar.describe = {};
});

test("nobody is asked about a token that no trusted issuer has made, nor shown another's", async () => {
  liar.answer = json(authority());
  const token = await liar.token();
  const untrusted = token.slice(0, -4) + (await issuerTag("https://didp.example"));
  for (const unknown of [untrusted, token.slice(0, -4), `${token}AAAA`, "A".repeat(60)])
    expect(await refusalOf(a, unknown)).toBe(0x87);
  (await connect(a, alice.device.accessToken)).cut();
  expect(liar.asked).toEqual([]);
  (await connect(a, token)).cut();
  expect(liar.asked.map(({ form }) => form.get("token"))).toEqual([token]);
});

describe("a consent", () => {
  const request = {
    user: "mallory",
    grant_id: "g".repeat(22),
    app: "app",
    app_name: "Chart",
    app_origin: "https://chart.example",
    actions: ["read"],
    exp: Math.floor(Date.now() / 1000) + 600,
  };
  const answering =
    (redeemed: object, concluded: object): Answer =>
    (question, response) =>
      json(question.path === "/consent/redeem" ? redeemed : concluded)(question, response);

  test("shows the app and lets its form end at that issuer and that app", async () => {
    liar.answer = answering(request, {});
    const page = await fetch(`${a.gateway}/consent/${await liar.token()}`);
    expect(await page.text()).toContain("Chart");
    const policy = page.headers.get("content-security-policy");
    expect(policy).toContain(`form-action 'self' ${liar.issuer} https://chart.example`);
  });

  test("of alice's name shows none of her devices", async () => {
    liar.answer = answering({ ...request, user: alice.user }, {});
    const page = await fetch(`${a.gateway}/consent/${await liar.token()}`);
    expect([page.status, (await page.text()).includes("lamp")]).toEqual([200, false]);
  });

  test("with an address that would change the page's policy is none", async () => {
    liar.answer = answering({ ...request, app_origin: "https://chart.example; script-src *" }, {});
    expect((await fetch(`${a.gateway}/consent/${await liar.token()}`)).status).toBe(503);
  });

  test("leads back to the issuer and nowhere else", async () => {
    const decide = async () =>
      fetch(`${a.gateway}/consent/${await liar.token()}`, {
        method: "POST",
        redirect: "manual",
        headers: { origin: a.gateway },
        body: new URLSearchParams({ decision: "deny" }),
      });
    liar.answer = answering(request, { return_uri: `${liar.issuer}/back` });
    expect((await decide()).headers.get("location")).toBe(`${liar.issuer}/back`);
    liar.answer = answering(request, { return_uri: "https://evil.example/" });
    expect((await decide()).status).toBe(503);
  });

  test("that its issuer does not know any more is gone", async () => {
    liar.answer = (_, response) => void response.writeHead(400).end('{"error":"invalid_request"}');
    expect((await fetch(`${a.gateway}/consent/${await liar.token()}`)).status).toBe(404);
    expect((await fetch(`${a.gateway}/consent/nonsense`)).status).toBe(404);
  });
});
