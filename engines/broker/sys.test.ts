import { describe, expect, test } from "vitest";
import { TestHome } from "./test-home.ts";

describe("$SYS", () => {
  test("tells the owner, at once and every minute while listened to", () => {
    const home = new TestHome();
    const owner = home.client("owner");
    owner.subscribe("$SYS/broker/clients/#");
    expect(owner.takeMessages()).toEqual(["$SYS/broker/clients/connected=1", "$SYS/broker/clients/total=1"]);
    home.client("device");
    home.pass(61_000);
    expect(owner.takeMessages()).toContain("$SYS/broker/clients/connected=2");
    owner.disconnect();
    home.alarmAtMs = home.nowMs;
    home.pass(1);
    expect(home.alarmAtMs).toBeGreaterThan(home.nowMs + 3_600_000);
  });

  test("is not there for a device, nor matched by a leading wildcard", () => {
    const home = new TestHome();
    const device = home.client("device");
    device.subscribe("$SYS/#");
    const owner = home.client("owner");
    owner.subscribe("#");
    owner.subscribe("+/broker/#");
    home.pass(120_000);
    expect([device.takeMessages(), owner.takeMessages()]).toEqual([[], []]);
  });
});
