import { describe, expect, test } from "vitest";
import type { TopicName } from "../mqtt/packet.ts";
import { type TestClient, TestHome } from "./test-home.ts";

interface Line {
  readonly who: { readonly kind: string; readonly handle: string };
  readonly topic?: string;
  readonly count: number;
}

/** Two devices; an app that may read the first. */
function household(): TestHome {
  const home = new TestHome();
  for (const handle of ["dh1", "dh2"]) home.claim(handle);
  home.consent("app1", { dh1: ["read"] });
  return home;
}

/** The newest ledger that came since the last call. */
function newest(owner: TestClient): Line[] | undefined {
  const text = owner.takeMessages().findLast((message) => message.startsWith("ledger="));
  return text === undefined ? undefined : JSON.parse(text.slice("ledger=".length)).refused;
}

/** The ledger as an owner who asks for it now reads it. */
function ledger(home: TestHome): Line[] | undefined {
  const owner = home.client("owner", { mqttClientId: "reader" });
  owner.subscribe("ledger");
  return newest(owner);
}

describe("the ledger", () => {
  test("tells the owner who was refused what, since when, until when and how often, across the object's sleep", () => {
    const home = household();
    const start = new Date(home.nowMs).toISOString();
    const app = home.client("app");
    app.publish("devices/ph-app1-dh1/command/light", "on", { qos: 1 });
    app.subscribe("$share/g/free/#");
    home.pass(6000);
    home.evict();
    const end = new Date(home.nowMs).toISOString();
    for (let i = 0; i < 3; i++) app.publish("devices/ph-app1-dh1/command/light", "on");
    const who = { kind: "app", handle: "app1" };
    const expected = [
      {
        who,
        action: "publish",
        topic: "devices/dh1/command/light",
        reason_code: 0x87,
        first_at: start,
        last_at: end,
        count: 4,
      },
      {
        who,
        action: "subscribe",
        topic: "free/#",
        reason_code: 0x87,
        first_at: start,
        last_at: start,
        count: 1,
      },
    ];
    expect(ledger(home)).toEqual(expected);
    app.vanish();
    expect(ledger(home)).toEqual(expected);
    home.restart();
    expect(ledger(home)).toEqual(expected);
  });

  test("has a will that CONNECT was refused for, and what a narrow token may not", () => {
    const home = household();
    const will = {
      topicName: "grant" as TopicName,
      payload: new Uint8Array(),
      qos: 0 as const,
      retain: false,
    };
    home.client("device", { permissions: [["telemetry/#", ["pub"]]] }).subscribe("command/#");
    home.pass(1);
    expect(home.client("app", { will }).isClosed).toBe(true);
    expect(ledger(home)).toMatchObject([
      { who: { kind: "app", handle: "app1" }, action: "publish", topic: "grants/app1" },
      { who: { kind: "device", handle: "dh1" }, action: "subscribe", topic: "devices/dh1/command/#" },
    ]);
  });

  test("is not there while nobody was refused, nor for anybody but the owner, nor for tokens without it", () => {
    const home = household();
    expect(ledger(home)).toBeUndefined();
    const narrow = home.client("owner", { permissions: [["devices/#", ["sub"]]], mqttClientId: "narrow" });
    const device = home.client("device");
    for (const client of [narrow, device]) client.subscribe("#");
    narrow.subscribe("ledger");
    home.pass(6000);
    for (const client of [narrow, device]) expect(newest(client)).toBeUndefined();
    expect(ledger(home)).toMatchObject([{ who: { kind: "owner" }, topic: "ledger", count: 1 }]);
  });

  test("comes to the owner who listens, some seconds after something came to it, and once for many", () => {
    const home = household();
    const owner = home.client("owner", { mqttClientId: "listener" });
    owner.subscribe("ledger");
    const app = home.client("app");
    for (let i = 0; i < 50; i++) app.publish("chat", "x");
    expect(owner.takeMessages()).toEqual([]);
    home.pass(6000);
    expect(owner.takeMessages()).toHaveLength(1);
    app.publish("chat", "x");
    home.pass(6000);
    expect(newest(owner)).toMatchObject([{ topic: "chat", count: 51 }]);
  });

  test("is bounded: nobody who is refused over and over takes the others' lines, or more than a few rows", () => {
    const home = household();
    home.client("device", { handle: "dh2", permissions: [] }).publish("telemetry/t", "1");
    const before = home.store.written.length;
    for (let round = 0; round < 20; round++) {
      const app = home.client("app");
      for (let i = 0; i < 90; i++) app.publish(`${round}/${i}/${"x".repeat(300)}`, "x");
      app.vanish();
    }
    const rows = home.store.written.slice(before).filter(({ kind }) => kind.endsWith("-refusal"));
    expect(rows.length).toBeLessThanOrEqual(20 * 17);
    const lines = ledger(home) ?? [];
    expect(lines.length).toBeLessThan(40);
    expect(lines.filter(({ who }) => who.kind === "device")).toHaveLength(1);
    expect(lines.reduce((sum, { count }) => sum + count, 0)).toBe(20 * 90 + 1);
    expect(Math.max(...lines.map(({ topic = "" }) => topic.length))).toBe(200);
  });

  test("forgets who was refused longest ago", () => {
    const home = household();
    for (let i = 0; i < 210; i++) {
      const device = home.client("device", { handle: `other${i}`, permissions: [] });
      device.publish("t", "1");
      device.vanish();
      home.pass(1000);
    }
    const lines = ledger(home) ?? [];
    expect(lines).toHaveLength(200);
    expect(lines[0]).toMatchObject({ who: { handle: "other209" } });
    expect([...home.store.refusals()]).toHaveLength(200);
  });

  test("costs a device that is refused once a minute an hourly row, not one each time", () => {
    const home = household();
    const device = home.client("device", { permissions: [] });
    const before = home.store.written.length;
    for (let i = 0; i < 24 * 60; i++) {
      device.publish("telemetry/t", "1");
      home.pass(60_000);
      home.evict();
    }
    const rows = home.store.written.slice(before).filter(({ kind }) => kind === "save-refusal");
    expect(rows.length).toBeLessThanOrEqual(24);
    expect(ledger(home)).toMatchObject([{ count: 24 * 60 }]);
  });

  test("goes with the account", () => {
    const home = household();
    const app = home.client("app");
    app.publish("chat", "x");
    home.run((broker) =>
      broker.revoke({ user: "user-1" as never, handle: "*", epoch: 9, reason: "deleted" }),
    );
    expect([...home.store.refusals()]).toEqual([]);
  });
});
