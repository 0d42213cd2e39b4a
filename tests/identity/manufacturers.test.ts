import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type MadeDevice, openFactory } from "./support/factory.ts";
import { introspect, ownDevice } from "./support/flows.ts";
import { asOperator, joinManufacturer, registerRun } from "./support/maker.ts";
import { Person } from "./support/person.ts";
import { type Platform, startPlatform } from "./support/platform.ts";

let platform: Platform;

beforeAll(async () => {
  platform = await startPlatform(19390);
  await openFactory(platform);
});
afterAll(() => platform.stop());

const join = (manufacturer: string) => joinManufacturer(platform, manufacturer);

test("an invited person sees the products, registers a run, watches it and gets working devices", async () => {
  const { person } = await join("acme");
  const page = await person.open(`${platform.didp}/mfr/acme`);
  expect(page.html).toContain("Room sensor");
  const run = await registerRun(platform, person, "acme", {
    software_id: "room-sensor",
    count: "30",
    batch: "spring",
  });
  expect(run.title).toBe("Registered");
  const results = await person.open(`${run.url}/results`);
  const devices = results.html
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as MadeDevice);
  expect(devices).toHaveLength(30);
  const tokens = await ownDevice(platform, devices[29] as MadeDevice, new Person("dora"));
  expect((await introspect(platform, tokens.access_token)).active).toBe(true);
  const after = await person.open(`${platform.didp}/mfr/acme`);
  expect(after.html).toMatch(/<td>spring<\/td><td>30<\/td><td>fewer than 10<\/td>/);
});

test("one manufacturer's people see nothing of another's, and a run of somebody else's products is refused", async () => {
  await asOperator(platform, "PUT", "/manufacturers/globex", { name: "Globex" });
  const { person } = await join("globex");
  expect((await person.open(`${platform.didp}/mfr/globex`)).title).toBe("Globex");
  expect((await person.open(`${platform.didp}/mfr/acme`)).status).toBe(404);
  expect((await person.open(`${platform.didp}/mfr/nobody`)).status).toBe(404);
  const { person: acme } = await join("acme");
  const fields = { software_id: "something-else", count: "1", batch: "x" };
  const refused = await registerRun(platform, acme, "acme", fields);
  expect(refused.status).toBe(400);
});

test("an invitation works once, and a stranger has no page at all", async () => {
  const { token } = await join("acme");
  const late = new Person(`late-${crypto.randomUUID()}`);
  await late.logIn(await late.open(`${platform.didp}/mfr`));
  for (const code of [token, "A".repeat(43), ""]) {
    expect((await late.submit(await late.open(`${platform.didp}/m`), { code })).status).toBe(404);
  }
  expect((await late.open(`${platform.didp}/mfr`)).html).toContain("None.");
});

describe("a software statement", () => {
  const statement = async (claims: object, key: CryptoKey) =>
    new SignJWT({ software_id: "room-sensor", software_version: "9", ...claims })
      .setProtectedHeader({ alg: "ES256" })
      .setIssuer("acme")
      .sign(key);

  test("of the manufacturer goes before the factory's words; any other is refused", async () => {
    const pair = await generateKeyPair("ES256", { extractable: true });
    const other = await generateKeyPair("ES256");
    await asOperator(platform, "PUT", "/manufacturers/acme", {
      name: "acme",
      jwks: { keys: [await exportJWK(pair.publicKey)] },
    });
    const factory = await openFactory(platform);
    const made = await factory.register({
      software_version: "1",
      software_statement: await statement({}, pair.privateKey),
    });
    expect(await made.json()).toMatchObject({ software_version: "9" });
    for (const wrong of [
      await statement({}, other.privateKey),
      await statement({ iss: "globex" }, other.privateKey),
      await statement({ exp: 1 }, pair.privateKey),
      "x.y.z",
      7,
    ]) {
      const refused = await factory.register({ software_statement: wrong });
      expect([refused.status, ((await refused.json()) as { error: string }).error]).toEqual([
        400,
        "invalid_software_statement",
      ]);
    }
    const elsewhere = await factory.register({
      software_statement: await statement({ software_id: "other" }, pair.privateKey),
    });
    expect(elsewhere.status).toBe(403);
  });
});
