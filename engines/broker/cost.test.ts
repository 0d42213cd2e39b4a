import { expect, test } from "vitest";
import type { TopicFilter } from "../mqtt/packet.ts";
import { authorityOf, type TestClient, TestHome } from "./test-home.ts";

const minute = 60_000;
const hour = 60 * minute;
const devices = ["dh1", "dh2", "dh3", "dh4", "dh5"];

/** List prices in US$, and the handler time assumed for one message (PLATFORM.md, "Prices"). */
const price = { request: 0.15e-6, gigabyteSecond: 12.5e-6, row: 1e-6 };
const memoryGigabytes = 0.128;
const handlerSeconds = 0.002;
const connectSeconds = 0.02;
const framesPerRequest = 20;

/** What a day of one home was billed by. */
interface Bill {
  frames: number;
  connections: number;
  alarms: number;
  rows: number;
}

/**
 * A day of a small home: five devices that publish a value a minute, with a token an hour, and an app that looks
 * on for an hour. The object falls asleep between any two messages.
 */
function day(qos: 0 | 1, protocolLevel: 4 | 5): Bill {
  const home = new TestHome();
  home.evictsAlways = true;
  const bill: Bill = { frames: 0, connections: 0, alarms: 0, rows: 0 };
  const run = home.run.bind(home);
  home.run = (turn) => {
    const effects = run(turn);
    bill.alarms += effects.filter(({ kind }) => kind === "alarm").length;
    return effects;
  };
  const send = (client: TestClient, work: () => void) => {
    bill.frames++;
    work();
    // What came at QoS 1 is acknowledged in one frame.
    const acknowledgements = client
      .take()
      .flatMap((packet) => (packet.type === "publish" && packet.qos === 1 ? [packet] : []));
    if (acknowledgements.length > 0) bill.frames++;
  };
  for (const handle of devices) home.claim(handle);
  home.consent("app1", Object.fromEntries(devices.map((handle) => [handle, ["read"] as const])));
  const setUp = home.store.written.length;
  const clients = devices.map((handle) => {
    bill.connections++;
    return home.client("device", {
      handle,
      protocolLevel,
      keepAliveSeconds: 60,
      expiresAtMs: home.nowMs + hour,
      will: { topicName: "$state" as never, payload: new Uint8Array([0x6c]), qos: 1, retain: true },
    });
  });
  let app: TestClient | undefined;
  for (let at = 0; at < 24 * 60; at++) {
    if (at === 600) {
      bill.connections++;
      app = home.client("app", { protocolLevel, keepAliveSeconds: 60, expiresAtMs: home.nowMs + 2 * hour });
      app.subscribe("devices/#");
      bill.frames += 2;
    }
    if (at === 660) app?.disconnect();
    for (const [index, client] of clients.entries()) {
      const handle = devices[index] ?? "";
      if (at % 59 === 58) {
        home.tokens.set(
          "fresh",
          authorityOf("device", { handle, expiresAtMs: home.nowMs + hour }, home.nowMs),
        );
        send(client, () => client.publish("$auth/token", "fresh", { qos: 1 }));
      }
      send(client, () => client.publish("telemetry/t", `${at}.${index}`, { qos, retain: true }));
      home.pass(minute / devices.length);
    }
  }
  if (clients.some((client) => client.isClosed)) throw new Error("a device was lost on the way");
  bill.rows = home.store.written.length - setUp + bill.alarms;
  return bill;
}

function dollarsAMonth({ frames, connections, alarms, rows }: Bill): number {
  const requests = frames / framesPerRequest + connections + alarms;
  const seconds = frames * handlerSeconds + connections * connectSeconds;
  const perDay =
    price.request * requests + price.gigabyteSecond * memoryGigabytes * seconds + price.row * rows;
  return 30 * perDay;
}

test.each([4, 5] as const)(
  "a small home at QoS 0 costs less than a cent a month (level %i)",
  (protocolLevel) => {
    const bill = day(0, protocolLevel);
    expect(bill.frames).toBeGreaterThan(7200);
    expect(dollarsAMonth(bill)).toBeLessThan(0.01);
  },
);

test("at QoS 1 it pays a row for each retained message, and little else", () => {
  const dollars = dollarsAMonth(day(1, 4));
  expect(dollars).toBeGreaterThan(0.21);
  expect(dollars).toBeLessThan(0.24);
});

test("a SUBSCRIBE and an UNSUBSCRIBE write one row, however many subscriptions the session has", () => {
  const home = new TestHome();
  const options = { cleanStart: false, properties: { sessionExpiryInterval: 3600 } };
  let client = home.client("owner", options);
  const writtenBy = (work: () => void) => {
    const before = home.store.written.length;
    work();
    return home.store.written.slice(before);
  };
  const subscribe = () => client.subscribe("one/more");
  const unsubscribe = () =>
    client.send({ type: "unsubscribe", packetId: 1, topicFilters: ["one/more" as TopicFilter] });
  let size = 0;
  for (const upTo of [1, 10, 100, 999]) {
    for (; size < upTo; size++) client.subscribe(`topic/${size}`);
    expect(writtenBy(subscribe)).toMatchObject([{ kind: "subscribe" }]);
    expect(writtenBy(unsubscribe)).toMatchObject([{ kind: "unsubscribe" }]);
    expect(writtenBy(unsubscribe)).toEqual([]);
    // Nor do a lost connection and the next one write them again.
    const again = writtenBy(() => {
      client.vanish();
      client = home.client("owner", options);
    });
    expect(again.map(({ kind }) => kind)).toEqual(["save-session", "save-session"]);
    expect(JSON.stringify(again)).not.toContain("topic/");
  }
  home.restart();
  home.client("owner", { mqttClientId: "other" }).publish("topic/998", "x");
  client = home.client("owner", options);
  home.client("owner", { mqttClientId: "another" }).publish("topic/998", "y");
  expect(client.takeMessages()).toEqual(["topic/998=y"]);
});
