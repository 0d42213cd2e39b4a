import { expect, test } from "vitest";
import { Factory } from "./factory.ts";
import { EagerClock } from "./testing/manual-clock.ts";

const unit = { name: "S1", product: "room-node", title: "Room node", deviceRef: "serial-1" };
const registration = {
  client_id: "d-1",
  client_secret: "secret",
  registration_client_uri: "http://didp.test/register/d-1",
  registration_access_token: "rat",
  user_registration_uri: "http://didp.test/d#CODE",
  user_code: "CODE",
};

type Answer = Response | "lost";

/** A DIdP that gives its metadata, and to registrations the scripted answers in turn. */
function given(answers: readonly Answer[]) {
  const seen: {
    readonly key: string | null;
    readonly authorization: string | null;
    readonly body: unknown;
  }[] = [];
  const script = [...answers];
  const clock = new EagerClock();
  const factory = new Factory({
    didp: "http://didp.test",
    initialAccessToken: "iat",
    clock,
    random: () => 0.5,
    uuid: () => `key-${seen.length}`,
    fetch: async (input, init) => {
      const request = new Request(input, init);
      if (request.method === "GET") {
        return Response.json({
          registration_endpoint: "http://didp.test/register",
          token_endpoint: "http://didp.test/token",
          device_authorization_endpoint: "http://didp.test/device_authorization",
        });
      }
      const { headers } = request;
      seen.push({
        key: headers.get("idempotency-key"),
        authorization: headers.get("authorization"),
        body: await request.json(),
      });
      const answer = script.shift() ?? new Response(null, { status: 500 });
      if (answer === "lost") throw new TypeError("connection reset");
      return answer;
    },
  });
  return { factory, seen, clock };
}

test("a unit is registered with its product and reference, and becomes an identity", async () => {
  const { factory, seen } = given([Response.json(registration, { status: 201 })]);
  const identity = await factory.register(unit);
  expect(seen[0]?.authorization).toBe("Bearer iat");
  expect(seen[0]?.body).toMatchObject({
    client_name: "Room node",
    software_id: "room-node",
    token_endpoint_auth_method: "client_secret_basic",
    grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
    device_ref: "serial-1",
  });
  expect(identity).toMatchObject({
    name: "S1",
    product: "room-node",
    clientId: "d-1",
    tokenEndpoint: "http://didp.test/token",
    deviceAuthorizationEndpoint: "http://didp.test/device_authorization",
    userRegistrationUri: "http://didp.test/d#CODE",
  });
  expect(identity.mqttClientId).toMatch(/^[\w-]{16}$/);
});

test("lost and overloaded answers are asked for again under the same idempotency key", async () => {
  const busy = new Response("{}", { status: 429, headers: { "retry-after": "7" } });
  const { factory, seen, clock } = given(["lost", busy, Response.json(registration, { status: 201 })]);
  await factory.register(unit);
  expect(new Set(seen.map(({ key }) => key)).size).toBe(1);
  expect(seen).toHaveLength(3);
  expect(clock.slept).toEqual([1000, 7000]);
});

test("another unit has another key", async () => {
  const { factory, seen } = given([
    Response.json(registration, { status: 201 }),
    Response.json(registration, { status: 201 }),
  ]);
  await factory.register(unit);
  await factory.register({ ...unit, name: "S2" });
  expect(seen[0]?.key).not.toBe(seen[1]?.key);
});

test.each([
  [401, "invalid_token"],
  [403, "access_denied"],
  [409, "already_registered"],
])("HTTP %d is not tried again and names %s", async (status, error) => {
  const { factory, seen } = given([Response.json({ error }, { status })]);
  await expect(factory.register(unit)).rejects.toMatchObject({ code: error, status });
  expect(seen).toHaveLength(1);
});

test("a DIdP that stays away is given up", async () => {
  const { factory, seen } = given([]);
  await expect(factory.register(unit)).rejects.toMatchObject({ code: "unavailable" });
  expect(seen).toHaveLength(8);
});

test("an answer without its secrets is no registration", async () => {
  const { factory } = given([Response.json({ ...registration, client_secret: undefined }, { status: 201 })]);
  await expect(factory.register(unit)).rejects.toMatchObject({ code: "incomplete_answer" });
});
