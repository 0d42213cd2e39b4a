import { describe, expect, test } from "vitest";
import { TestHome } from "./test-home.ts";

/** How often a retained message was written so far. */
function written(home: TestHome): number {
  return home.store.written.filter(({ kind }) => kind === "retain").length;
}

/** What a client that subscribes now gets. */
function retainedNow(home: TestHome): string[] {
  const reader = home.client("owner", { mqttClientId: "reader" });
  reader.subscribe("devices/#");
  return reader.takeMessages();
}

describe("a value that is retained at QoS 0 over and over", () => {
  const minute = 60_000;

  function measured(minutes: number, evicts: boolean) {
    const home = new TestHome({ retainedSaveSeconds: 600 });
    const device = home.client("device");
    for (let i = 1; i <= minutes; i++) {
      if (evicts) home.evict();
      device.publish("telemetry/t", String(i), { retain: true });
      home.pass(minute);
    }
    return { home, device };
  }

  test.each([false, true])("is written once in a while, and read as it is now (evicted: %s)", (evicts) => {
    const { home } = measured(60, evicts);
    expect(written(home)).toBe(6);
    expect(retainedNow(home)).toEqual(["devices/dh1/telemetry/t=60"]);
  });

  test("is written when its connection ends", () => {
    const { home, device } = measured(5, true);
    expect(home.store.retainedUnder("")).toMatchObject([{ payload: new TextEncoder().encode("1") }]);
    device.vanish();
    expect(home.store.retainedUnder("")).toMatchObject([{ payload: new TextEncoder().encode("5") }]);
  });

  test("falls back to what was written when the process is killed", () => {
    const { home } = measured(5, false);
    home.restart();
    expect(retainedNow(home)).toEqual(["devices/dh1/telemetry/t=1"]);
  });

  test("is overtaken by anyone's newer one, and by an empty one", () => {
    const { home, device } = measured(5, false);
    home.claim("dh1");
    const owner = home.client("owner");
    owner.publish("devices/dh1/telemetry/t", "owner's", { retain: true, qos: 1 });
    expect(retainedNow(home)).toEqual(["devices/dh1/telemetry/t=owner's"]);
    device.publish("telemetry/t", "6", { retain: true });
    device.publish("telemetry/t", "7", { retain: true });
    expect(retainedNow(home)).toEqual(["devices/dh1/telemetry/t=7"]);
    owner.publish("devices/dh1/telemetry/t", "", { retain: true });
    expect(retainedNow(home)).toEqual([]);
    device.publish("telemetry/t", "8", { retain: true });
    expect(retainedNow(home)).toEqual(["devices/dh1/telemetry/t=8"]);
    device.vanish();
    expect(retainedNow(home)).toEqual(["devices/dh1/telemetry/t=8"]);
  });

  test("at QoS 1 each is written before it is acknowledged", () => {
    const home = new TestHome();
    const device = home.client("device");
    for (const value of ["1", "2", "3"]) device.publish("telemetry/t", value, { retain: true, qos: 1 });
    expect(written(home)).toBe(3);
    home.restart();
    expect(retainedNow(home)).toEqual(["devices/dh1/telemetry/t=3"]);
  });

  test("vanishes with its device, also what was not written yet", () => {
    const { home } = measured(5, false);
    home.claim("dh1");
    home.run((broker) =>
      broker.revoke({ user: "user-1" as never, handle: "dh1", epoch: 9, reason: "released" }),
    );
    expect(home.store.retainedUnder("")).toEqual([]);
  });
});
