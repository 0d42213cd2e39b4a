import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeExternalGateway } from "./support/external-gateway.ts";
import { DEVICE_CODE_GRANT, type MadeDevice, openFactory } from "./support/factory.ts";
import { introspect, openClaim } from "./support/flows.ts";
import { Person } from "./support/person.ts";
import { type Platform, startPlatform } from "./support/platform.ts";

const GATEWAY = "https://gateway.elsewhere.example";
let platform: Platform;
let factory: Awaited<ReturnType<typeof openFactory>>;

beforeAll(async () => {
  // Nobody listens where it wants to be told.
  const elsewhere = await makeExternalGateway(GATEWAY, "http://127.0.0.1:9/events");
  platform = await startPlatform(19340, { EXTERNAL_GATEWAYS: JSON.stringify([elsewhere.setting]) });
  factory = await openFactory(platform);
});
afterAll(() => platform.stop());

const connect = (device: MadeDevice, options: IClientOptions = {}) =>
  connectAsync(device.mqtt_token_endpoint, {
    username: device.client_id,
    password: device.client_secret,
    reconnectPeriod: 0,
    connectTimeout: 5000,
    protocolVersion: 4,
    ...options,
  });

/** Answers by their `id`, events by their name. */
async function channel(device: MadeDevice, options: IClientOptions = {}) {
  const client = await connect(device, options);
  const heard = new Map<string, Record<string, string>>();
  const waiting = new Map<string, (message: Record<string, string>) => void>();
  client.on("message", (_topic, payload) => {
    const message = JSON.parse(payload.toString()) as Record<string, string>;
    const name = message.id ?? message.event ?? "";
    heard.set(name, message);
    waiting.get(name)?.(message);
  });
  await client.subscribeAsync("oauth/res", { qos: 1 });
  let last = 0;
  const next = (name: string) =>
    new Promise<Record<string, string>>((resolve) => {
      const already = heard.get(name);
      if (already === undefined) waiting.set(name, resolve);
      else resolve(already);
    });
  return {
    client,
    next,
    async ask(topic: string, fields: Record<string, string> = {}) {
      const id = String(++last);
      await client.publishAsync(topic, JSON.stringify({ id, ...fields }), { qos: 1 });
      return next(id);
    },
  };
}

const closed = (client: MqttClient) => new Promise<void>((resolve) => client.once("close", resolve));

describe.each([
  ["3.1.1", 4],
  ["5", 5],
] as const)("MQTT %s", (_, protocolVersion) => {
  test("a device waits for its owner, is told, refreshes and revokes", async () => {
    const device = await factory.make();
    const { client, ask, next } = await channel(device, { protocolVersion });
    const started = await ask("oauth/device_authorization");
    expect(started).toMatchObject({
      verification_uri: `${platform.didp}/d`,
      device_code: expect.any(String),
      interval: 5,
    });
    for (const [topic, fields] of [
      ["oauth/token", {}],
      ["oauth/token", { grant_type: "refresh_token" }],
      ["oauth/token", { grant_type: DEVICE_CODE_GRANT }],
      ["oauth/revoke", {}],
    ] as const) {
      expect(await ask(topic, fields)).toMatchObject({ error: "invalid_request" });
    }
    const person = new Person("paula");
    await person.submit(await openClaim(platform, person, device.user_code), { decision: "approve" });
    const claimed = await next("claimed");
    expect((await introspect(platform, claimed.access_token ?? "")).active).toBe(true);
    expect(claimed.gateway_uri).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/mqtt\//);

    const refreshed = await ask("oauth/token", {
      grant_type: "refresh_token",
      refresh_token: claimed.refresh_token ?? "",
    });
    expect((await introspect(platform, refreshed.access_token ?? "")).active).toBe(true);
    await ask("oauth/revoke", { token: claimed.refresh_token ?? "" });
    expect(await introspect(platform, refreshed.access_token ?? "")).toEqual({ active: false });
    const refused = await ask("oauth/token", {
      grant_type: "refresh_token",
      refresh_token: claimed.refresh_token ?? "",
    });
    expect(refused).toMatchObject({ error: "invalid_grant" });
    await client.endAsync();
  });

  test("a device whose owner said no is told, asks anew, and can be claimed again", async () => {
    const device = await factory.make();
    const { client, ask, next } = await channel(device, { protocolVersion });
    const first = await ask("oauth/device_authorization");
    const person = new Person("paul");
    await person.submit(await openClaim(platform, person, device.user_code), { decision: "deny" });
    expect(await next("denied")).toEqual({ event: "denied", error: "access_denied" });
    const second = await ask("oauth/device_authorization");
    expect(second.device_code).not.toBe(first.device_code);
    await person.submit(await openClaim(platform, person, device.user_code), { decision: "approve" });
    expect((await next("claimed")).access_token).toBeTypeOf("string");
    await client.endAsync();
  });

  test("a device for another operator's gateway says so, and is sent there", async () => {
    const device = await factory.make();
    const { client, ask, next } = await channel(device, { protocolVersion });
    const nowhere = { resource: "https://gateway.example" };
    expect(await ask("oauth/device_authorization", nowhere)).toMatchObject({ error: "invalid_target" });
    await ask("oauth/device_authorization", { resource: GATEWAY });
    const person = new Person("paula");
    await person.submit(await openClaim(platform, person, device.user_code), { decision: "approve" });
    expect((await next("claimed")).gateway_uri).toBe("wss://gateway.elsewhere.example/mqtt");
    await client.endAsync();
  });

  test("a device that was claimed while it was away gets its tokens when it asks", async () => {
    const device = await factory.make();
    const first = await channel(device, { protocolVersion });
    const { device_code = "" } = await first.ask("oauth/device_authorization");
    await first.client.endAsync();
    const person = new Person("paula");
    await person.submit(await openClaim(platform, person, device.user_code), { decision: "approve" });
    const second = await channel(device, { protocolVersion });
    const answer = await second.ask("oauth/token", { grant_type: DEVICE_CODE_GRANT, device_code });
    const again = await second.ask("oauth/token", { grant_type: DEVICE_CODE_GRANT, device_code });
    expect(again.refresh_token).toBe(answer.refresh_token);
    await second.client.endAsync();
  });

  test("a wrong secret is refused with the code for it", async () => {
    const device = await factory.make();
    await expect(connect({ ...device, client_secret: "wrong" }, { protocolVersion })).rejects.toMatchObject({
      code: protocolVersion === 5 ? 0x86 : 4,
    });
    await expect(
      connect({ ...device, client_id: "d-AAAAAAAAAAAAAAAAAAAAAA" }, { protocolVersion }),
    ).rejects.toMatchObject({ code: protocolVersion === 5 ? 0x86 : 4 });
  });

  test.each([
    ["publishes anything else", (client: MqttClient) => client.publish("telemetry/temperature", "1")],
    ["publishes what is no JSON", (client: MqttClient) => client.publish("oauth/token", "{")],
    ["subscribes to everything", (client: MqttClient) => client.subscribe("#")],
    ["subscribes to two things", (client: MqttClient) => client.subscribe(["oauth/res", "oauth/token"])],
  ])("a device that %s is put out", async (_name, act) => {
    const client = await connect(await factory.make(), { protocolVersion });
    const gone = closed(client);
    act(client);
    await gone;
    expect(client.connected).toBe(false);
  });
});

test("a device that publishes retained is put out", async () => {
  const client = await connect(await factory.make());
  const gone = closed(client);
  client.publish("oauth/token", "{}", { retain: true });
  await gone;
  expect(client.connected).toBe(false);
});

test("MQTT 5: the answer comes to the response topic with the correlation data", async () => {
  const client = await connect(await factory.make(), { protocolVersion: 5, clientId: "" });
  const answered = new Promise<{ topic: string; correlation: string }>((resolve) =>
    client.on("message", (topic, _payload, packet) =>
      resolve({ topic, correlation: packet.properties?.correlationData?.toString() ?? "" }),
    ),
  );
  await client.publishAsync("oauth/device_authorization", "", {
    qos: 1,
    properties: { responseTopic: "mine", correlationData: Buffer.from("c1") },
  });
  expect(await answered).toEqual({ topic: "mine", correlation: "c1" });
  await client.endAsync();
});

test.each([7, "7"])("an id is said back as it came: %j", async (id) => {
  const client = await connect(await factory.make());
  const answered = new Promise<string>((resolve) =>
    client.once("message", (_topic, payload) => resolve(String(payload))),
  );
  await client.subscribeAsync("oauth/res");
  await client.publishAsync("oauth/token", JSON.stringify({ id, grant_type: "password" }), { qos: 1 });
  expect(JSON.parse(await answered)).toEqual({ id, error: "unsupported_grant_type" });
  await client.endAsync();
});

test("one device's connection hears nothing of another's", async () => {
  const [own, other] = [await factory.make(), await factory.make()];
  const [mine, theirs] = [await channel(own), await channel(other)];
  const heard: string[] = [];
  theirs.client.on("message", (_topic, payload) => heard.push(payload.toString()));
  await mine.ask("oauth/device_authorization");
  await theirs.ask("oauth/device_authorization");
  expect(heard).toHaveLength(1);
  await Promise.all([mine.client.endAsync(), theirs.client.endAsync()]);
});

describe("claim policies", () => {
  const post = (device: MadeDevice, path: string, fields: Record<string, string>) =>
    fetch(`${platform.didp}${path}`, {
      method: "POST",
      headers: { authorization: `Basic ${btoa(`${device.client_id}:${device.client_secret}`)}` },
      body: new URLSearchParams(fields),
    });

  test("button: the claim waits until the device says that it was pressed", async () => {
    const device = await factory.make({ claim_policy: "button" });
    const started = (await (await post(device, "/device_authorization", {})).json()) as {
      device_code: string;
    };
    const person = new Person("quentin");
    const waiting = await openClaim(platform, person, device.user_code);
    expect(waiting.title).toBe("Show that you are at the device");
    expect((await post(device, "/presence", { device_code: "wrong" })).status).toBe(400);
    expect((await person.open(waiting.url)).title).toBe("Show that you are at the device");
    expect((await post(device, "/presence", started)).status).toBe(204);
    const confirm = await person.open(waiting.url);
    expect(confirm.title).toBe("Make this Room sensor yours?");
    expect((await person.submit(confirm, { decision: "approve" })).title).toBe("The Room sensor is yours");
  });

  test("button over MQTT", async () => {
    const device = await factory.make({ claim_policy: "button" });
    const { ask, next, client } = await channel(device);
    const { device_code = "" } = await ask("oauth/device_authorization");
    expect(await ask("oauth/presence", { device_code: "wrong" })).toMatchObject({ error: "invalid_grant" });
    expect(await ask("oauth/presence", { device_code })).not.toHaveProperty("error");
    const person = new Person("quentin");
    await person.submit(await openClaim(platform, person, device.user_code), { decision: "approve" });
    expect(await next("claimed")).toHaveProperty("refresh_token");
    await client.endAsync();
  });

  test("possession: three starts within a minute, that is two power cycles", async () => {
    const device = await factory.make({ claim_policy: "possession" });
    const person = new Person("quentin");
    await post(device, "/device_authorization", { boot: "1" });
    await post(device, "/device_authorization", { boot: "1" });
    await post(device, "/device_authorization", { boot: "2" });
    const waiting = await openClaim(platform, person, device.user_code);
    expect(waiting.title).toBe("Show that you are at the device");
    await post(device, "/device_authorization", { boot: "3" });
    expect((await person.open(waiting.url)).title).toBe("Make this Room sensor yours?");
  });
});
