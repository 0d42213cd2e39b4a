import { afterEach, beforeEach, expect, test } from "vitest";
import {
  App,
  type AppConnection,
  type AppGrant,
  CommandTimedOut,
  NotConnected,
  type ReceivedSample,
} from "./app.ts";
import { MemoryStore, TestAuthorizationServer } from "./testing/authorization-server.ts";
import { TestBroker } from "./testing/broker.ts";
import { EventLog } from "./testing/event-log.ts";
import { ManualClock } from "./testing/manual-clock.ts";

let broker: TestBroker;
let server: TestAuthorizationServer;
let clock: ManualClock;
let app: App;
let connection: AppConnection;
let tokenStore: MemoryStore;
const samples = () => new EventLog<ReceivedSample>();
let seen: {
  statuses: EventLog<string>;
  grants: EventLog<AppGrant>;
  samples: EventLog<ReceivedSample>;
  presence: EventLog<string>;
};

beforeEach(async () => {
  broker = await TestBroker.start(0);
  server = new TestAuthorizationServer();
  server.gatewayUri = broker.uri;
  server.onIssue = (token) => broker.tokens.add(token);
  clock = new ManualClock();
  seen = { statuses: new EventLog(), grants: new EventLog(), samples: samples(), presence: new EventLog() };
  const redirectUri = "http://127.0.0.1:19490/";
  const { gateway, fetch } = server;
  tokenStore = new MemoryStore();
  const stores = { tokenStore, clientStore: new MemoryStore() };
  app = new App({
    gateway,
    fetch,
    redirectUri,
    appName: "Room monitor",
    clock,
    random: () => 0.5,
    ...stores,
  });
  await app.complete(server.consent(await app.begin({ actions: ["read", "command"] })));
  connection = app.connect({
    onStatus: seen.statuses.push,
    onGrant: seen.grants.push,
    onSample: seen.samples.push,
    onPresence: (handle, state) => seen.presence.push(`${handle} ${state}`),
  });
  await seen.statuses.first((status) => status === "online");
});
afterEach(async () => {
  await connection.close();
  await broker.stop();
});

test("with a broker that knows only MQTT 3.1.1, an app that would keep a session works without one", async () => {
  await connection.close();
  const tab = new App({
    gateway: server.gateway,
    fetch: server.fetch,
    redirectUri: "http://127.0.0.1:19490/",
    appName: "Room monitor",
    clock,
    random: () => 0.5,
    tokenStore,
    clientStore: new MemoryStore(),
    tabStore: new MemoryStore(),
    locks: navigator.locks,
  });
  const statuses = new EventLog<string>();
  connection = tab.connect({ onStatus: statuses.push });
  await statuses.first((status) => status === "online");
  expect(statuses.events).toEqual(["connecting", "online"]);
});

test("the grant, the devices' presence and their samples arrive, exactly as they were sent", async () => {
  const grant = {
    devices: [
      {
        handle: "ph1",
        title: "Room node",
        properties: { temperature: { title: "Temperature", unit: "Cel" } },
        actions: {},
      },
    ],
    expires_at: "2026-12-24T00:00:00.000Z",
  };
  await broker.publish("grant", JSON.stringify(grant));
  await broker.publish("devices/ph1/$state", "ready");
  await broker.publish(
    "devices/ph1/telemetry/temperature",
    '[{"n":"temperature","u":"Cel","v":24.94,"t":1513939781}]',
  );
  expect(await seen.samples.first(() => true)).toEqual({
    handle: "ph1",
    property: "temperature",
    name: "temperature",
    value: 24.94,
    unit: "Cel",
    timeSeconds: 1_513_939_781,
    receivedAtMs: clock.now(),
    retained: false,
  });
  expect(seen.presence.events).toEqual(["ph1 ready"]);
  expect(seen.grants.events).toEqual([
    { devices: grant.devices, expiresAt: new Date("2026-12-24T00:00:00.000Z") },
  ]);
});

test("malformed messages are passed over", async () => {
  await broker.publish("grant", "{}");
  await broker.publish("devices/ph1/telemetry/temperature", "not json");
  await broker.publish("devices/ph1/telemetry/temperature", "21.5");
  expect(await seen.samples.first(() => true)).toMatchObject({ value: 21.5 });
  expect(seen.samples.events).toHaveLength(1);
  expect(seen.grants.events).toEqual([]);
});

test("a command gets the reply with its own id", async () => {
  const pending = connection.command("ph1", "led", true);
  const sent = await broker.published.first(({ topicName }) => topicName === "devices/ph1/command/led");
  const { id, value } = JSON.parse(sent.payload);
  expect(value).toBe(true);
  await broker.publish(
    "devices/ph1/command/led/reply",
    JSON.stringify({ id: "other", status: "done", value: false }),
  );
  await broker.publish("devices/ph1/command/led/reply", JSON.stringify({ id, status: "done", value: true }));
  expect(await pending).toEqual({ id, status: "done", value: true });
});

test("no reply in time is told, and a later one is ignored", async () => {
  const pending = connection.command("ph1", "led", true, { timeoutMs: 5000 });
  const sent = await broker.published.first(({ topicName }) => topicName === "devices/ph1/command/led");
  clock.advance(5000);
  await expect(pending).rejects.toBeInstanceOf(CommandTimedOut);
  await broker.publish(
    "devices/ph1/command/led/reply",
    JSON.stringify({ id: JSON.parse(sent.payload).id, status: "done" }),
  );
});

test("offline, a command is refused at once and is not sent later", async () => {
  broker.cut();
  await seen.statuses.first((status) => status === "offline");
  await expect(connection.command("ph1", "led", true)).rejects.toBeInstanceOf(NotConnected);
  await clock.sleepers(1);
  clock.advance(2000);
  await seen.statuses.first((status) => status === "online", seen.statuses.events.indexOf("offline"));
  await broker.publish("devices/ph1/$state", "ready");
  await seen.presence.first(() => true);
  expect(broker.published.events).toEqual([]);
});

test("when the owner revokes the grant, the connection ends for good", async () => {
  server.isRevoked = true;
  broker.tokens.clear();
  broker.cut();
  await seen.statuses.first((status) => status === "offline");
  await clock.sleepers(1);
  clock.advance(2000);
  await connection.ended;
  expect(seen.statuses.events.at(-1)).toBe("ended");
  expect(app.isGranted).toBe(false);
});

test("disconnecting ends the connection and revokes the grant", async () => {
  await app.disconnect();
  expect(connection.status).toBe("ended");
  expect(server.isRevoked).toBe(true);
});
