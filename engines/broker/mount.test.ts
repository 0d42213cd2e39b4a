import { describe, expect, test } from "vitest";
import type { CanonicalTopic } from "./message.ts";
import { TestHome } from "./test-home.ts";

/** A home with two devices; app1 may read and command the first, app2 may read the second. */
function twoApps(): TestHome {
  const home = new TestHome();
  home.claim("dh1");
  home.claim("dh2");
  home.consent("app1", { dh1: ["read", "command"] });
  home.consent("app2", { dh2: ["read"] });
  return home;
}

describe("who sees which topics", () => {
  test("an app sees a device's telemetry under its own pairwise handle", () => {
    const home = twoApps();
    const app = home.client("app", { handle: "app1" });
    expect(app.subscribe("devices/+/telemetry/#")).toBe(0);
    home.client("device", { handle: "dh1" }).publish("telemetry/temperature", "21");
    expect(app.takeMessages()).toEqual(["devices/ph-app1-dh1/telemetry/temperature=21"]);
  });

  test("the owner sees the canonical tree", () => {
    const home = twoApps();
    const owner = home.client("owner");
    owner.subscribe("#");
    home.client("device", { handle: "dh1" }).publish("telemetry/temperature", "21");
    expect(owner.takeMessages()).toContain("devices/dh1/telemetry/temperature=21");
  });

  test("an app's command reaches the device, and the reply comes back", () => {
    const home = twoApps();
    const device = home.client("device", { handle: "dh1" });
    device.subscribe("command/#", { qos: 1, noLocal: true });
    const app = home.client("app", { handle: "app1" });
    app.subscribe("devices/ph-app1-dh1/command/+/reply");
    app.publish("devices/ph-app1-dh1/command/light", "on", { qos: 1 });
    expect(device.takeMessages()).toEqual(["command/light=on"]);
    device.publish("command/light/reply", "done");
    expect(app.takeMessages()).toEqual(["devices/ph-app1-dh1/command/light/reply=done"]);
  });

  test.each(["#", "+/#", "devices/#", "devices/+/telemetry/#", "devices/+/$state", "+/+/+/temperature"])(
    "an app without the device sees nothing of it through %s, live or retained",
    (filter) => {
      const home = twoApps();
      const device = home.client("device", {
        handle: "dh1",
        mqttClientId: "secret-serial",
        will: { topicName: "$state" as never, payload: new Uint8Array([1]), qos: 0, retain: true },
      });
      device.publish("telemetry/temperature", "1", { retain: true });
      const app = home.client("app", { handle: "app2" });
      app.subscribe(filter);
      app.subscribe(`$share/group/${filter}`);
      app.takeMessages();
      device.publish("telemetry/temperature", "2");
      device.vanish();
      expect(app.takeMessages()).toEqual([]);
    },
  );

  test.each(["#", "+/telemetry/#", "devices/#", "devices/dh2/#", "$share/g/#"])(
    "a device sees nothing of another through %s",
    (filter) => {
      const home = twoApps();
      const device = home.client("device", { handle: "dh1" });
      device.subscribe(filter);
      home.client("device", { handle: "dh2" }).publish("telemetry/temperature", "2", { retain: true });
      expect(device.takeMessages()).toEqual([]);
    },
  );

  test("an app sees of a chosen device only what its actions open, live or retained", () => {
    const home = twoApps();
    const device = home.client("device", { handle: "dh2" });
    const owner = home.client("owner");
    const app = home.client("app", { handle: "app2" });
    app.subscribe("devices/#");
    app.take();
    for (const [topicName, payload] of [
      ["telemetry/t", "1"],
      ["diagnostics/rssi", "2"],
      ["command/light/reply", "3"],
    ] as const) {
      device.publish(topicName, payload, { retain: true });
    }
    owner.publish("devices/dh2/command/light", "4", { retain: true });
    expect(app.takeMessages()).toEqual(["devices/ph-app2-dh2/telemetry/t=1"]);
    app.subscribe("devices/ph-app2-dh2/#");
    expect(app.takeMessages()).toEqual(["devices/ph-app2-dh2/telemetry/t=1"]);
  });

  test("a wildcard does not match names that start with $, in any mount", () => {
    const home = twoApps();
    const device = home.client("device", { handle: "dh1" });
    for (const filter of ["#", "+", "+/#"]) device.subscribe(filter);
    const owner = home.client("owner");
    for (const filter of ["#", "+/broker/#", "$SYS/broker/uptime"]) owner.subscribe(filter);
    owner.take();
    device.publish("$state", "ready", { retain: true });
    device.subscribe("#");
    home.pass(61_000);
    expect(device.takeMessages()).toEqual([]);
    expect(owner.takeMessages()).toEqual(["devices/dh1/$state=ready", "$SYS/broker/uptime=60"]);
  });

  test("the same client id under two principals is two clients", () => {
    const home = twoApps();
    const one = home.client("device", { handle: "dh1", mqttClientId: "same" });
    const two = home.client("device", { handle: "dh2", mqttClientId: "same" });
    home.client("app", { handle: "app1", mqttClientId: "same" });
    expect([one.isClosed, two.isClosed]).toEqual([false, false]);
  });

  test("a name in an app's mount that was not chosen for it does not exist", () => {
    const home = twoApps();
    const app = home.client("app", { handle: "app1" });
    expect(app.subscribe("devices/dh1/telemetry/#")).toBe(0x87);
    expect(app.subscribe("devices/ph-app2-dh2/telemetry/#")).toBe(0x87);
    expect(app.subscribe("alarms/#")).toBe(0x87);
    expect(app.subscribe("$SYS/#")).toBe(0x87);
  });

  test("rules/… in an app's mount is what its own rules put out, not the owner's and not another app's", () => {
    const home = twoApps();
    const [one, two] = ["app1", "app2"].map((handle) => home.client("app", { handle }));
    expect([one?.subscribe("rules/#"), two?.subscribe("#")]).toEqual([0, 0]);
    two?.take();
    for (const topicName of ["rules/dark/out", "grants/app1/rules/dark/out"] as CanonicalTopic[]) {
      const publisher = { kind: "system", handle: "" } as const;
      const payload = new TextEncoder().encode(topicName);
      home.run((broker) => broker.publish([{ topicName, payload, qos: 0, retain: false, publisher }]));
    }
    expect(one?.takeMessages()).toEqual(["rules/dark/out=grants/app1/rules/dark/out"]);
    expect(two?.takeMessages()).toEqual([]);
    one?.publish("rules/dark/out", "x", { qos: 1 });
    expect(one?.take()).toEqual([expect.objectContaining({ type: "puback", reasonCode: 0x87 })]);
  });

  test.each([
    ["an app's own telemetry", "app", "app1", "devices/ph-app1-dh1/telemetry/temperature"],
    ["a command without the action", "app", "app2", "devices/ph-app2-dh2/command/light"],
    ["a command under the canonical handle", "app", "app1", "devices/dh1/command/light"],
    ["a topic of an app's own", "app", "app1", "chat"],
    ["an app's grant", "app", "app1", "grant"],
    ["the platform's ledger", "owner", "owner1", "ledger"],
    ["a device that is not the owner's", "owner", "owner1", "devices/dh9/command/light"],
    ["$SYS", "owner", "owner1", "$SYS/broker/uptime"],
  ] as const)("publishing %s is refused with 0x87, and the connection stays", (_, kind, handle, topic) => {
    const home = twoApps();
    const witness = home.client("owner", { handle: "owner2", mqttClientId: "witness" });
    witness.subscribe("#");
    witness.take();
    const client = home.client(kind, { handle });
    client.take();
    client.publish(topic, "x", { qos: 1, retain: true });
    expect(client.take()).toEqual([expect.objectContaining({ type: "puback", reasonCode: 0x87 })]);
    expect(client.isClosed).toBe(false);
    expect(witness.takeMessages()).toEqual([]);
    expect(home.store.retainedUnder("").filter(({ topicName }) => !topicName.startsWith("grants/"))).toEqual(
      [],
    );
  });

  test("below 5.0 a refused publish is acknowledged and not delivered, a refused filter gets 0x80", () => {
    const home = twoApps();
    const device = home.client("device", { handle: "dh2" });
    device.subscribe("command/#");
    const app = home.client("app", { handle: "app2", protocolLevel: 4 });
    expect(app.subscribe("devices/dh2/#")).toBe(0x80);
    app.take();
    app.publish("devices/ph-app2-dh2/command/light", "on", { qos: 1 });
    expect(app.take()).toMatchObject([{ type: "puback", packetId: 7 }]);
    expect(device.takeMessages()).toEqual([]);
  });

  test("a token's permissions narrow its mount", () => {
    const home = twoApps();
    const owner = home.client("owner", { permissions: [["notes/#", ["sub"]]] });
    expect(owner.subscribe("devices/#")).toBe(0x87);
    expect(owner.subscribe("#")).toBe(0);
    owner.take();
    owner.publish("notes/a", "x", { qos: 1 });
    expect(owner.take()).toMatchObject([{ type: "puback", reasonCode: 0x87 }]);
    const other = home.client("owner", { handle: "owner2", mqttClientId: "b" });
    other.publish("notes/a", "1");
    other.publish("diary/a", "2");
    expect(owner.takeMessages()).toEqual(["notes/a=1"]);
  });

  test("user properties cross no border to an app, a response topic crosses it in the receiver's names", () => {
    const home = twoApps();
    const device = home.client("device", { handle: "dh1" });
    device.subscribe("command/#");
    device.take();
    const app = home.client("app", { handle: "app1" });
    app.publish("devices/ph-app1-dh1/command/light", "on", {
      properties: {
        responseTopic: "devices/ph-app1-dh1/command/light/reply" as never,
        correlationData: new Uint8Array([9]),
        userProperties: [["who", "am i"]],
      },
    });
    const [command] = device.take();
    expect(command).toMatchObject({
      properties: { responseTopic: "command/light/reply", correlationData: new Uint8Array([9]) },
    });
    expect(command).not.toMatchObject({ properties: { userProperties: expect.anything() } });
  });

  test("`grant` tells an app what was consented, with the model's title and without the owner's own name", () => {
    const home = twoApps();
    const app = home.client("app", { handle: "app2" });
    app.subscribe("grant");
    const [message = ""] = app.takeMessages();
    expect(message).toContain('"handle":"ph-app2-dh2","title":"Lamp"');
    expect(message).toContain('"actions":{}');
    expect(message).not.toContain("my dh2");
    expect(message).not.toContain('"dh2"');
  });

  test("a changed choice reaches live sessions: the new device appears, the old one is gone", () => {
    const home = twoApps();
    const app = home.client("app", { handle: "app2" });
    app.subscribe("devices/+/telemetry/#");
    app.subscribe("grant");
    app.takeMessages();
    home.consent("app2", { dh1: ["read"] });
    expect(app.takeMessages()).toEqual([expect.stringContaining("ph-app2-dh1")]);
    home.client("device", { handle: "dh2", mqttClientId: "b" }).publish("telemetry/t", "2");
    home.client("device", { handle: "dh1" }).publish("telemetry/t", "1");
    expect(app.takeMessages()).toEqual(["devices/ph-app2-dh1/telemetry/t=1"]);
  });
});
