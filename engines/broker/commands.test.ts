import { encode } from "cborg";
import { describe, expect, test } from "vitest";
import type { Publish } from "../mqtt/packet.ts";
import type { Limits } from "./limits.ts";
import { type TestClient, TestHome } from "./test-home.ts";

const kept = { cleanStart: false, properties: { sessionExpiryInterval: 3600 } };

/** A lamp that its owner and two apps may command; all three listen to its replies. */
class Household {
  readonly home: TestHome;
  device: TestClient;
  owner: TestClient;
  apps: readonly TestClient[];

  constructor(limits: Partial<Limits> = {}) {
    this.home = new TestHome(limits);
    this.home.claim("dh1");
    for (const app of ["app1", "app2"]) this.home.consent(app, { dh1: ["command"] });
    [this.device, this.owner, this.apps] = this.connect();
    for (const client of [this.owner, ...this.apps])
      client.subscribe("devices/+/command/+/reply", { qos: 1 });
    this.told();
  }

  /** Everybody connects, for the first time or again. */
  connect(): [TestClient, TestClient, TestClient[]] {
    this.device = this.home.client("device", kept);
    this.owner = this.home.client("owner", kept);
    this.apps = ["app1", "app2"].map((handle) => this.home.client("app", { ...kept, handle }));
    return [this.device, this.owner, [...this.apps]];
  }

  /** A command from `app1` or `app2`, or, if `who` is 0, from the owner. */
  ask(who: 0 | 1 | 2, payload: string | Uint8Array, options: Partial<Publish> = {}): void {
    const [client, handle] = who === 0 ? [this.owner, "dh1"] : [this.apps[who - 1], `ph-app${who}-dh1`];
    client?.publish(`devices/${handle}/command/light`, payload, options);
  }

  reply(payload: string | Uint8Array, options: Partial<Publish> = {}): void {
    this.device.publish("command/light/reply", payload, options);
  }

  /** What the owner, `app1` and `app2` were told since the last time. */
  told(): string[][] {
    return [this.owner, ...this.apps].map((client) =>
      client.takeMessages().map((text) => text.slice(text.indexOf("=") + 1)),
    );
  }
}

const data = (...bytes: number[]) => ({ properties: { correlationData: new Uint8Array(bytes) } });

describe("the reply to a command", () => {
  test("is seen by the app that asked and by the owner, told by the id in the payload", () => {
    const house = new Household();
    house.ask(1, '{"id":"a","value":true}');
    house.ask(2, '{"id":7}');
    house.ask(0, '{"id":"o"}');
    for (const id of ['"o"', "7", '"a"']) house.reply(`{"id":${id},"status":"done"}`);
    const [o, a, b] = [
      '{"id":"o","status":"done"}',
      '{"id":"a","status":"done"}',
      '{"id":7,"status":"done"}',
    ];
    expect(house.told()).toEqual([[o, b, a], [a], [b]]);
  });

  test("is told by an id in CBOR as well, whichever of the two the command was in", () => {
    const house = new Household();
    house.ask(1, encode({ id: 7, value: true }));
    house.ask(2, '{"id":"b"}');
    house.ask(1, encode({ id: new Uint8Array([1, 2]) }));
    const selfDescribed = (value: unknown) => new Uint8Array([0xd9, 0xd9, 0xf7, ...encode(value)]);
    const toldOf = (payload: Uint8Array) => {
      house.reply(payload);
      return house.told().map((messages) => messages.length);
    };
    expect(toldOf(selfDescribed({ id: "b" }))).toEqual([1, 0, 1]);
    expect(toldOf(encode({ id: "x" }))).toEqual([1, 0, 0]);
    expect(toldOf(encode(new Map([["id", new Uint8Array([1, 2])]])))).toEqual([1, 1, 0]);
    expect(toldOf(encode({ status: "done", id: 7 }))).toEqual([1, 1, 0]);
  });

  test.each([
    ["that ends too soon", encode({ id: "a" }).slice(0, -1)],
    ["with an id that is no name", encode({ id: [1] })],
    ["of another kind", encode(["id", "a"])],
  ])("in CBOR %s harms nobody, and says nothing of its command", (_, payload) => {
    const house = new Household();
    house.ask(1, '{"id":"a"}');
    house.reply(payload);
    // It answers the only command that waits, as one without any id does.
    expect(house.told()[1]).toHaveLength(1);
    house.reply('{"id":"a"}');
    expect(house.told()[1]).toEqual([]);
  });

  test("is told by its correlation data", () => {
    const house = new Household();
    house.ask(1, "on", data(1, 2));
    house.ask(2, "off", data(1, 3));
    house.reply("off!", data(1, 3));
    house.reply("on!", data(1, 2));
    expect(house.told()).toEqual([["off!", "on!"], ["on!"], ["off!"]]);
  });

  test("that says nothing of its command goes to an app only while nobody else waits for one", () => {
    const house = new Household();
    house.ask(1, "on");
    house.reply("1");
    house.reply("2");
    house.ask(1, "on", data(9));
    house.ask(2, "on");
    house.reply("3");
    house.reply("4");
    house.ask(0, "on");
    house.ask(1, "on");
    house.reply("5");
    expect(house.told()).toEqual([["1", "2", "3", "4", "5"], ["1"], ["4"]]);
  });

  test("that names a command which nobody sent goes to no app, unless one named none", () => {
    const house = new Household();
    house.ask(1, '{"id":"a"}');
    house.reply('{"id":"x"}');
    house.ask(2, "on");
    house.reply('{"id":"y"}');
    expect(house.told()).toEqual([['{"id":"x"}', '{"id":"y"}'], [], ['{"id":"y"}']]);
  });

  test("goes to no app if two have named their commands alike", () => {
    const house = new Household();
    for (const who of [1, 2] as const) house.ask(who, '{"id":"1"}');
    house.reply('{"id":"1"}');
    expect(house.told()).toEqual([['{"id":"1"}'], [], []]);
  });

  test("is one: later ones are the owner's", () => {
    const house = new Household();
    house.ask(1, '{"id":"a"}');
    for (const value of [1, 2]) house.reply(`{"id":"a","value":${value}}`);
    const [first = "", second = ""] = ['{"id":"a","value":1}', '{"id":"a","value":2}'];
    expect(house.told()).toEqual([[first, second], [first], []]);
  });

  test("is not kept for apps: a retained one is not theirs to read", () => {
    const house = new Household();
    house.ask(1, '{"id":"a"}');
    house.reply('{"id":"a"}', { retain: true });
    expect(house.told()).toEqual([['{"id":"a"}'], ['{"id":"a"}'], []]);
    for (const client of [house.owner, ...house.apps]) client.subscribe("devices/+/command/+/reply");
    for (const [i, client] of house.apps.entries())
      client.subscribe(`devices/ph-app${i + 1}-dh1/command/light/reply`);
    expect(house.told()).toEqual([['{"id":"a"}'], [], []]);
  });

  test("by a shared subscription of one app does not reach another", () => {
    const house = new Household();
    for (const app of house.apps) app.subscribe("$share/all/devices/#");
    house.ask(1, '{"id":"a"}');
    house.reply('{"id":"a"}');
    expect(house.told()).toEqual([['{"id":"a"}'], ['{"id":"a"}', '{"id":"a"}'], []]);
  });

  test.each([0, 1] as const)("finds its app after the object slept (QoS %i)", (qos) => {
    const house = new Household();
    house.ask(1, '{"id":"a"}', { qos });
    house.home.pass(5000);
    house.home.evict();
    house.reply('{"id":"a"}');
    expect(house.told()).toEqual([['{"id":"a"}'], ['{"id":"a"}'], []]);
    expect(house.home.store.load().commands).toEqual([]);
  });

  test("finds its app after the process was killed, if the command was acknowledged", () => {
    const house = new Household();
    house.ask(1, '{"id":"a"}', { qos: 1 });
    house.home.restart();
    house.connect();
    house.told();
    house.reply('{"id":"a"}');
    expect(house.told()).toEqual([['{"id":"a"}'], ['{"id":"a"}'], []]);
  });

  test("to a command at QoS 0 that is answered at once costs no row", () => {
    const house = new Household();
    const before = house.home.store.written.length;
    house.ask(1, '{"id":"a"}');
    house.reply('{"id":"a"}');
    house.home.pass(60_000);
    expect(house.home.store.written.slice(before).map(({ kind }) => kind)).not.toContain("save-command");
  });

  test("that comes too late is only the owner's, as after the end of the consent or of the device", () => {
    const house = new Household({ commandReplySeconds: 60 });
    house.ask(1, '{"id":"a"}', { qos: 1, properties: { messageExpiryInterval: 30 } });
    house.home.pass(89_000);
    house.ask(2, '{"id":"b"}', { qos: 1 });
    house.home.pass(1000);
    house.reply('{"id":"a"}');
    expect(house.told()).toEqual([['{"id":"a"}'], [], []]);
    const end = (handle: string) =>
      house.home.run((broker) =>
        broker.revoke({ user: "user-1" as never, handle, epoch: 9, reason: "released" }),
      );
    end("app2");
    house.ask(1, '{"id":"c"}', { qos: 1 });
    expect(house.home.store.load().commands.map(({ keys }) => keys)).toEqual([["id:c"]]);
    end("dh1");
    expect(house.home.store.load().commands).toEqual([]);
  });

  test("is remembered for so many commands of one sender, and nobody takes the others' place", () => {
    const house = new Household({ pendingCommandsOfOne: 3 });
    house.ask(1, '{"id":"first"}');
    for (let i = 0; i < 10; i++) house.ask(2, `{"id":"${i}"}`, { qos: i % 2 === 0 ? 0 : 1 });
    for (const id of ["first", "6", "7", "9"]) house.reply(`{"id":"${id}"}`);
    const [, one, two] = house.told();
    expect([one, two]).toEqual([['{"id":"first"}'], ['{"id":"7"}', '{"id":"9"}']]);
  });

  test("is remembered for so many commands of all senders", () => {
    const house = new Household({ pendingCommands: 2 });
    for (const id of ["a", "b", "c"]) house.ask(1, `{"id":"${id}"}`, { qos: 1 });
    expect(house.home.store.load().commands.map(({ keys }) => keys)).toEqual([["id:b"], ["id:c"]]);
  });
});
