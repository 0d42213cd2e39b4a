import { createLocalJWKSet, type JWTPayload } from "jose";
import { expect, test } from "vitest";
import { eventTypes } from "./event-types.ts";
import { foreignUser } from "./foreign-names.ts";
import { claimedIssuer, readSecurityEvents, SecurityEventError } from "./security-event.ts";
import { signingKeyFrom } from "./signing-key.ts";

const issuer = "https://didp.b.example";
const audience = "https://gateway.a.example";
const nowMs = 1_790_000_000_000;
const own = await signingKeyFrom(new Uint8Array(32).fill(1));
const stranger = await signingKeyFrom(new Uint8Array(32).fill(2));
const impostor = await signingKeyFrom(new Uint8Array(32).fill(3), own.publicJwk.kid);
const keys = createLocalJWKSet({ keys: [own.publicJwk] });

const handle = "h".repeat(22);
const revoked = { handle, epoch: 2, reason: "revoked" };
const device = {
  handle,
  name: "Lamp",
  model: { title: "Lamp", properties: {}, actions: { on: { title: "On" } } },
};
const claims = {
  iss: issuer,
  aud: audience,
  iat: nowMs / 1000,
  jti: "1",
  sub_id: { format: "opaque", id: "u1" },
  events: { [eventTypes.revoked]: revoked },
};
const token = (changes: JWTPayload = {}, type = "secevent+jwt", key = own) =>
  key.sign({ ...claims, ...changes }, type);
const read = async (text: Promise<string>) =>
  readSecurityEvents(await text, { issuer, audience, keys, nowMs }).catch((error: unknown) => {
    if (error instanceof SecurityEventError) return error.err;
    throw error;
  });

test("the end of authority and a claim are read, of the issuer's own user", async () => {
  const user = await foreignUser(issuer, "u1");
  expect(await read(token())).toEqual({ revoked: { user, ...revoked } });
  const both = { [eventTypes.revoked]: { ...revoked, handle: "*" }, [eventTypes.claimed]: { device } };
  expect(await read(token({ events: both }))).toEqual({
    revoked: { user, ...revoked, handle: "*" },
    claimed: { user, device },
  });
});

test("events that mean nothing here are none", async () => {
  expect(await read(token({ events: { "urn:example:else": {} } }))).toEqual({});
});

test.each([
  ["another type of token", token({}, "JWT"), "invalid_request"],
  ["another audience", token({ aud: "https://gateway.c.example" }), "invalid_audience"],
  ["another issuer", token({ iss: "https://didp.c.example" }), "invalid_request"],
  ["a key that the issuer has not", token({}, "secevent+jwt", stranger), "invalid_key"],
  ["a key that only has the name", token({}, "secevent+jwt", impostor), "authentication_failed"],
  ["an age of ten minutes", token({ iat: nowMs / 1000 - 600 }), "invalid_request"],
  ["a time to come", token({ iat: nowMs / 1000 + 600 }), "invalid_request"],
  ["no subject", token({ sub_id: undefined }), "invalid_request"],
  ["a subject by address", token({ sub_id: { format: "email", email: "a@b.example" } }), "invalid_request"],
  [
    "a handle that is a topic",
    token({ events: { [eventTypes.revoked]: { ...revoked, handle: "a/b" } } }),
    "invalid_request",
  ],
  [
    "a reason that there is not",
    token({ events: { [eventTypes.revoked]: { ...revoked, reason: "x" } } }),
    "invalid_request",
  ],
  [
    "a device without a model",
    token({ events: { [eventTypes.claimed]: { device: { handle, name: "x" } } } }),
    "invalid_request",
  ],
  [
    "a property that is a topic",
    token({
      events: {
        [eventTypes.claimed]: {
          device: { ...device, model: { ...device.model, properties: { "a/b": { title: "x" } } } },
        },
      },
    }),
    "invalid_request",
  ],
  ["no signature at all", token().then((text) => text.replace(/[^.]*$/, "")), "authentication_failed"],
  ["half of itself", token().then((text) => text.split(".").slice(1).join(".")), "invalid_request"],
])("a token with %s is refused", async (_, text, err) => {
  expect(await read(text)).toBe(err);
});

test("keys that cannot be had are nobody's mistake but the sender's to try again", async () => {
  const away = () => Promise.reject(new Error("down"));
  await expect(readSecurityEvents(await token(), { issuer, audience, keys: away, nowMs })).rejects.toThrow(
    "down",
  );
});

test("the issuer of what is no token is asked in vain", async () => {
  expect(claimedIssuer(await token())).toBe(issuer);
  for (const text of ["", "a.b.c", await own.sign({})])
    expect(() => claimedIssuer(text)).toThrow(SecurityEventError);
});
