import { afterEach, beforeEach, expect, test } from "vitest";
import { Device, DeviceEnded, type DeviceOptions, type DeviceState, NotOwned } from "./device.ts";
import { MemoryIdentityStore } from "./device-identity.ts";
import { TestBroker } from "./testing/broker.ts";
import { EventLog } from "./testing/event-log.ts";
import { anIdentity } from "./testing/identity.ts";
import { ManualClock } from "./testing/manual-clock.ts";

const model = {
  title: "Room node",
  properties: { temperature: { title: "Temperature", unit: "Cel" }, led: { title: "Light" } },
  actions: { led: { title: "Switch the light" } },
};

let broker: TestBroker;
let stop: AbortController;
let running: Promise<void>;
beforeEach(async () => {
  broker = await TestBroker.start(0);
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await running;
  await broker.stop();
});

/** An owned device, and a token endpoint that hands out t1, t2, … until `grant.isRevoked`. */
function given(options: Partial<DeviceOptions> = {}) {
  const grant = { isRevoked: false, issued: 0, lifeSeconds: 3600 };
  const clock = new ManualClock();
  const states = new EventLog<DeviceState>();
  const store = new MemoryIdentityStore(anIdentity({ refreshToken: "r0" }));
  const answer = (status: number, body: unknown) => Response.json(body, { status });
  const device = new Device({
    store,
    model,
    clock,
    random: () => 0.5,
    onState: states.push,
    fetch: async (input) => {
      if (new URL(String(input)).pathname === "/device_authorization") {
        return answer(200, { device_code: "dc", expires_in: 1800, interval: 5 });
      }
      if (grant.isRevoked) return answer(400, { error: "invalid_grant" });
      grant.issued += 1;
      const token = `t${grant.issued}`;
      broker.tokens.add(token);
      return answer(200, {
        access_token: token,
        expires_in: grant.lifeSeconds,
        refresh_token: `r${grant.issued}`,
        gateway_uri: broker.uri,
      });
    },
    ...options,
  });
  running = device.run(stop.signal);
  return { device, clock, states, store, grant };
}

const isOnline = (state: DeviceState) => state === "online";

test("online, it says what it is and that it is ready, and its samples are retained SenML", async () => {
  const { device, states } = given();
  await states.first(isOnline);
  await device.publish("temperature", 24.94, { timeSeconds: 1_513_939_781, qos: 1 });
  expect(
    broker.published.events.map(({ topicName, payload, retain }) => [topicName, payload, retain]),
  ).toEqual([
    ["$description", JSON.stringify(model), true],
    ["$state", "ready", true],
    ["telemetry/temperature", '[{"n":"temperature","u":"Cel","v":24.94,"t":1513939781}]', true],
  ]);
  expect(broker.connects.events).toEqual([{ clientId: "mqtt-1", token: "t1", accepted: true }]);
});

test("a command is done, its value republished, and answered under its own id", async () => {
  const { states } = given({ commands: { led: (value) => value === true } });
  await states.first(isOnline);
  await broker.publish("command/led", '{"id":"c1","value":true}');
  const reply = await broker.published.first(({ topicName }) => topicName === "command/led/reply");
  expect(JSON.parse(reply.payload)).toEqual({ id: "c1", status: "done", value: true });
  const telemetry = await broker.published.first(({ topicName }) => topicName === "telemetry/led");
  expect(JSON.parse(telemetry.payload)).toMatchObject([{ n: "led", vb: true }]);
  expect(telemetry.retain).toBe(true);
});

test("a command that arrives twice is done once and answered twice alike", async () => {
  let done = 0;
  const { states } = given({
    commands: {
      led: () => {
        done += 1;
        return done;
      },
    },
  });
  await states.first(isOnline);
  await broker.publish("command/led", '{"id":"c1","value":true}');
  await broker.publish("command/led", '{"id":"c1","value":true}');
  await broker.publish("command/led", '{"id":"c2","value":true}');
  await broker.published.first(
    ({ topicName, payload }) => topicName.endsWith("/reply") && payload.includes("c2"),
  );
  const replies = broker.published.events.filter(({ topicName }) => topicName.endsWith("/reply"));
  expect(replies.map(({ payload }) => JSON.parse(payload).value)).toEqual([1, 1, 2]);
});

test("an unknown, a failing and a malformed command are refused or ignored, and the device lives on", async () => {
  const { states } = given({
    commands: {
      led: () => {
        throw new Error("the relay is stuck");
      },
    },
  });
  await states.first(isOnline);
  for (const payload of ["", "{}", '{"id":5}', "[]", '{"id":"c0","value":{"a":1}}'])
    await broker.publish("command/led", payload);
  await broker.publish("command/toString", '{"id":"c1"}');
  await broker.publish("command/led", '{"id":"c2","value":true}');
  await broker.published.first(({ payload }) => payload.includes("c2"));
  const replies = broker.published.events.filter(({ topicName }) => topicName.endsWith("/reply"));
  expect(replies.map(({ payload }) => JSON.parse(payload))).toEqual([
    { id: "c1", status: "failed", error: "unknown_command" },
    { id: "c2", status: "failed", error: "not_done" },
  ]);
});

test("a command that was retained is an old one and is not done", async () => {
  await broker.publish("command/led", '{"id":"old","value":true}', true);
  const { states } = given({ commands: { led: () => true } });
  await states.first(isOnline);
  await broker.publish("command/led", '{"id":"new","value":true}');
  await broker.published.first(({ payload }) => payload.includes("new"));
  expect(broker.published.events.some(({ payload }) => payload.includes("old"))).toBe(false);
});

test("the connection breaks under a sample: it is back after a pause, and the sample is published again", async () => {
  const { device, states, clock } = given();
  await states.first(isOnline);
  broker.loseNext = 1;
  const published = device.publish("temperature", 20, { qos: 1 });
  await states.first((state) => state === "offline");
  expect(broker.published.events.some(({ topicName }) => topicName === "telemetry/temperature")).toBe(false);
  const before = states.events.length;
  await clock.sleepers(1);
  clock.advance(2000);
  await published;
  expect(states.events.slice(before)).toEqual(["connecting", "online"]);
  expect(
    broker.published.events.filter(({ topicName }) => topicName === "telemetry/temperature"),
  ).toHaveLength(1);
  expect(broker.connects.events.map(({ token }) => token)).toEqual(["t1", "t1"]);
});

test("a refused token is replaced at once, without a pause", async () => {
  const { states, clock } = given();
  await states.first(isOnline);
  broker.tokens.delete("t1");
  broker.cut();
  await states.first((state) => state === "offline");
  await clock.sleepers(1);
  clock.advance(2000);
  await broker.connects.first(({ token, accepted }) => token === "t2" && accepted);
  expect(broker.connects.events.map(({ token, accepted }) => [token, accepted])).toEqual([
    ["t1", true],
    ["t1", false],
    ["t2", true],
  ]);
});

test("before its token ends, the device hands the next one over on the same connection", async () => {
  const { device, states, clock } = given();
  await states.first(isOnline);
  await clock.sleepers(1);
  clock.advance(3_600_000 - 60_000);
  const renewal = await broker.published.first(({ topicName }) => topicName === "$auth/token");
  expect(renewal).toMatchObject({ payload: "t2", retain: false });
  await device.publish("temperature", 21, { qos: 1 });
  expect(broker.connects.events).toHaveLength(1);
});

test("a gateway that does not take the next token is connected to anew, and nothing is said to be lost", async () => {
  const { device, states, clock } = given();
  await states.first(isOnline);
  await clock.sleepers(1);
  broker.loseNext = 1;
  clock.advance(3_600_000 - 60_000);
  await broker.connects.first(({ token }) => token === "t2");
  await device.publish("temperature", 21, { qos: 1 });
  expect(broker.connects.events.map(({ token }) => token)).toEqual(["t1", "t2"]);
});

test("when the owner leaves, what waited for the connection is dropped and never reaches the next owner", async () => {
  const { device, states, grant, clock, store } = given();
  await states.first(isOnline);
  grant.isRevoked = true;
  broker.tokens.clear();
  broker.cut();
  await states.first((state) => state === "offline");
  const sample = device.publish("temperature", 19);
  await clock.sleepers(1);
  clock.advance(2000);
  await expect(sample).rejects.toBeInstanceOf(NotOwned);
  await states.first((state) => state === "waiting");
  await expect(device.publish("temperature", 19)).rejects.toBeInstanceOf(NotOwned);
  expect((await store.load()).refreshToken).toBeUndefined();

  grant.isRevoked = false;
  const before = states.events.length;
  await clock.sleepers(1);
  clock.advance(5000);
  await states.first(isOnline, before);
  await device.owned();
  await device.publish("temperature", 22, { qos: 1 });
  const temperatures = broker.published.events.filter(
    ({ topicName }) => topicName === "telemetry/temperature",
  );
  expect(temperatures.map(({ payload }) => JSON.parse(payload)[0].v)).toEqual([22]);
});

test("while another program runs the device, it waits, and then goes on with what that one has stored", async () => {
  const store = new MemoryIdentityStore(anIdentity({}));
  let isTaken = true;
  const given_ = given({
    store: {
      load: () => store.load(),
      save: (identity) => store.save(identity),
      lock: async () => {
        if (isTaken) return undefined;
        isTaken = true;
        return async () => {
          isTaken = false;
        };
      },
    },
  });
  await given_.states.first((state) => state === "elsewhere");
  expect(broker.connects.events).toEqual([]);
  await store.save(anIdentity({ refreshToken: "theirs" }));
  isTaken = false;
  await given_.clock.sleepers(1);
  given_.clock.advance(2000);
  await given_.states.first(isOnline);
  stop.abort();
  await running;
  expect(isTaken).toBe(false);
});

test("stopped, it says goodbye with $state and without its will, and publishing is refused", async () => {
  const { device, states } = given();
  await states.first(isOnline);
  stop.abort();
  await running;
  expect(device.state).toBe("stopped");
  expect(broker.published.events.at(-1)).toMatchObject({
    topicName: "$state",
    payload: "disconnected",
    retain: true,
  });
  await expect(device.publish("temperature", 1)).rejects.toBeInstanceOf(DeviceEnded);
  await expect(device.owned()).rejects.toBeInstanceOf(DeviceEnded);
});
