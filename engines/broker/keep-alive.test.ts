import { describe, expect, test } from "vitest";
import { lasting, stateWill, TestHome } from "./test-home.ts";

describe("a client with a longer keep alive that falls silent", () => {
  const lost = () => {
    const home = new TestHome();
    const device = home.client("device", { keepAliveSeconds: 300, will: stateWill("lost") });
    return { home, device };
  };

  test("is noticed on time by the alarm when its will has a subscriber [MQTT-3.1.2-22]", () => {
    const { home, device } = lost();
    const owner = home.client("owner");
    owner.subscribe("devices/+/$state");
    home.pass(449_000);
    expect(device.isClosed).toBe(false);
    home.pass(2000);
    expect(owner.takeMessages()).toEqual(["devices/dh1/$state=lost"]);
  });

  test("wakes nobody when no one listens, and is noticed in the next turn", () => {
    const { home, device } = lost();
    home.alarmAtMs = undefined;
    home.pass(10_000_000);
    expect(device.isClosed).toBe(false);
    const owner = home.client("owner");
    owner.subscribe("devices/+/$state");
    expect([device.isClosed, owner.takeMessages()]).toEqual([true, ["devices/dh1/$state=lost"]]);
  });

  test("is watched from the moment that someone begins to listen", () => {
    const { home, device } = lost();
    home.pass(100_000);
    home.client("owner").subscribe("devices/#");
    home.pass(351_000);
    expect(device.isClosed).toBe(true);
  });

  test("is watched from the moment that someone comes back who listens", () => {
    const home = new TestHome();
    home.client("owner", lasting).subscribe("devices/#");
    home.client("owner", lasting).vanish();
    const device = home.client("device", { keepAliveSeconds: 300, will: stateWill("lost") });
    home.alarmAtMs = undefined;
    home.pass(100_000);
    home.client("owner", lasting);
    home.pass(351_000);
    expect(device.isClosed).toBe(true);
  });
});
