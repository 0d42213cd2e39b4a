import { describe, expect, test } from "vitest";
import { lasting, TestHome } from "./test-home.ts";

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

  test("counts what came, went, waits, was dropped and was refused", () => {
    const home = new TestHome({ messagesPerSecond: 1, messageBurst: 8, queuedMessages: 1 });
    const device = home.client("device", { permissions: [["telemetry/#", ["pub"]]] });
    home.client("owner", lasting).subscribe("devices/#", { qos: 1 });
    home.client("owner", lasting).vanish();
    const owner = home.client("owner", { properties: { maximumPacketSize: 200 } });
    owner.subscribe("devices/#");
    device.publish("telemetry/t", "1", { qos: 1, retain: true }); // sent, and kept for the one who is away
    device.publish("telemetry/t", "2", { qos: 1 }); // sent, and dropped for the other
    device.publish("telemetry/t", "x".repeat(300)); // too large for who is here
    device.publish("other", "4", { qos: 1 }); // not allowed
    device.subscribe("telemetry/#"); // neither
    for (let i = 0; i < 5; i++) device.publish("telemetry/t", "5"); // three are within the budget
    owner.subscribe("$SYS/#");
    const told = owner.takeMessages().filter((text) => text.startsWith("$SYS/broker/"));
    const values = Object.fromEntries(told.map((text) => text.slice("$SYS/broker/".length).split("=")));
    expect(values).toMatchObject({
      "clients/connected": "2",
      "clients/total": "3",
      "subscriptions/count": "3",
      "retained messages/count": "1",
      "messages/received": "7",
      "messages/sent": "5",
      "messages/dropped": "4",
      "messages/waiting": "1",
      "publish/refused": "1",
      "subscribe/refused": "1",
    });
    expect(Number(values["bytes/received"])).toBeGreaterThan(300);
    expect(Number(values["bytes/sent"])).toBeGreaterThan(100);
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
