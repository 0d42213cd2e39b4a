import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MemoryIdentityStore } from "../../sdk/device-identity.ts";
import { TestBroker } from "../../sdk/testing/broker.ts";
import { anIdentity } from "../../sdk/testing/identity.ts";
import { ManualClock } from "../../sdk/testing/manual-clock.ts";
import { Household } from "./household.ts";
import { Simulation, type SimulationEvent } from "./simulation.ts";
import { Trace } from "./trace.ts";

const trace = new Trace(fileURLToPath(new URL("fixtures/three-rows.csv", import.meta.url)));
const nodes = { S1: "room-node", S2: "room-node", S5: "co2-node" } as const;

let broker: TestBroker;
let stop: AbortController;
let running: Promise<void>;
let events: SimulationEvent[];
let realFetch: typeof fetch;

beforeEach(async () => {
  broker = await TestBroker.start(0);
  stop = new AbortController();
  events = [];
  realFetch = globalThis.fetch;
  // The devices' token endpoint: everybody is owned, and the token says who it is.
  globalThis.fetch = async (_, init) => {
    const token = `token of ${new URLSearchParams(String(init?.body)).get("refresh_token")}`;
    broker.tokens.add(token);
    return Response.json({ access_token: token, expires_in: 3600, gateway_uri: broker.uri });
  };
});
afterEach(async () => {
  stop.abort();
  await running;
  globalThis.fetch = realFetch;
  await broker.stop();
});

function simulate(): Simulation {
  const devices = Object.entries(nodes).map(([name, product]) => {
    const identity = anIdentity({ name, product, mqttClientId: name, refreshToken: `r-${name}` });
    return { identity, store: new MemoryIdentityStore(identity) };
  });
  const simulation = new Simulation({
    devices,
    clock: new ManualClock(),
    onEvent: (event) => events.push(event),
  });
  running = simulation.run(stop.signal);
  return simulation;
}

/** Everything that a device measured, as it arrived. */
const telemetryOf = (device: string) =>
  broker.published.events
    .filter(
      ({ from, topicName }) =>
        from === device && topicName.startsWith("telemetry/") && topicName !== "telemetry/led",
    )
    .map(({ topicName, payload }) => `${topicName} ${payload}`);

test("every node's device publishes its own column, exactly and in order; nodes without a device are passed over", async () => {
  const simulation = simulate();
  expect(await simulation.allOwned()).toBe(true);
  expect(await simulation.replay(trace, { rate: 1e6, limit: 1 }, stop.signal)).toBe(1);
  expect(telemetryOf("S1")).toEqual([
    'telemetry/temperature [{"n":"temperature","u":"Cel","v":21.5,"t":1709164770}]',
    'telemetry/light [{"n":"light","u":"lx","v":100,"t":1709164770}]',
    'telemetry/sound [{"n":"sound","u":"V","v":0.1,"t":1709164770}]',
  ]);
  expect(telemetryOf("S5")).toEqual(['telemetry/co2 [{"n":"co2","u":"ppm","v":410,"t":1709164770}]']);
  expect(simulation.counts).toMatchObject({
    devices: 3,
    online: 3,
    waiting: 0,
    dropped: 0,
    published: 7,
  });
});

test("each device has a light that says whether it is on, and does what it is told", async () => {
  const simulation = simulate();
  await simulation.allOwned();
  const isOff = await broker.published.first(
    ({ topicName, from }) => topicName === "telemetry/led" && from === "S5",
  );
  expect(JSON.parse(isOff.payload)).toMatchObject([{ n: "led", vb: false }]);
  // All of them listen in this broker, which has no mounts; each answers for itself.
  await broker.publish("command/led", '{"id":"c1","value":true}');
  await broker.published.first(({ topicName, from }) => topicName === "command/led/reply" && from === "S5");
  const isOn = broker.published.events
    .filter(({ topicName, from }) => topicName === "telemetry/led" && from === "S5")
    .at(-1);
  expect(JSON.parse(isOn?.payload ?? "")).toMatchObject([{ n: "led", vb: true }]);
  await broker.publish("command/led", '{"id":"c2","value":"red"}');
  const refused = await broker.published.first(
    ({ topicName, payload }) => topicName === "command/led/reply" && payload.includes("c2"),
  );
  expect(JSON.parse(refused.payload)).toMatchObject({ status: "failed" });
});

test("a sign shows what it was told, in the time of its room, and claims nothing of its own after a start", async () => {
  const identity = anIdentity({
    name: "Sign",
    product: "door-sign",
    mqttClientId: "Sign",
    refreshToken: "r-Sign",
  });
  const simulation = new Simulation({
    devices: [{ identity, store: new MemoryIdentityStore(identity) }],
    clock: new ManualClock(),
    sampleTime: () => 1_513_939_781,
  });
  running = simulation.run(stop.signal);
  await simulation.allOwned();
  await broker.subscribed.first(({ clientId }) => clientId === "Sign");
  await broker.publish("command/people", '{"id":"c1","value":2}');
  await broker.publish("command/led", '{"id":"c2","value":true}');
  await broker.publish("command/people", '{"id":"c3","value":null}');
  const refused = await broker.published.first(({ payload }) => payload.includes("c3"));
  expect(JSON.parse(refused.payload)).toMatchObject({ status: "failed" });
  await broker.published.first(({ payload }) => payload.includes("c2"));
  const said = broker.published.events.filter(({ topicName }) => topicName.startsWith("telemetry/"));
  expect(said.map(({ topicName, payload }) => `${topicName} ${payload}`).sort()).toEqual([
    'telemetry/led [{"n":"led","vb":true,"t":1513939781}]',
    'telemetry/people [{"n":"people","v":2,"t":1513939781}]',
  ]);
});

test("a household's devices publish what the household's model says", async () => {
  const simulation = simulate();
  await simulation.allOwned();
  const household = new Household("test");
  await Promise.all([
    simulation.inhabit(household, { intervalSeconds: 1, limit: 1 }, stop.signal),
    broker.published.first(({ topicName }) => topicName === "telemetry/co2").then(() => stop.abort()),
  ]);
  const [co2] = telemetryOf("S5");
  const timeMs = new ManualClock().now();
  const expected = household.measure("co2", household.roomOf("S5"), timeMs);
  expect(co2).toBe(`telemetry/co2 [{"n":"co2","u":"ppm","v":${expected},"t":${Math.round(timeMs / 1000)}}]`);
});

test("states are told as they change", async () => {
  const simulation = simulate();
  await simulation.allOwned();
  await broker.published.first(({ topicName, from }) => topicName === "telemetry/led" && from === "S1");
  const states = events.flatMap((event) =>
    event.event === "state" && event.device === "S1" ? [event.state] : [],
  );
  expect(states).toEqual(["refreshing", "connecting", "online"]);
});
