import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { KeptRows } from "../../../durable-objects/pcm/kept-rows.ts";
import { steps } from "../../../durable-objects/pcm/older-schemas.ts";
import type { Pcm } from "../../../durable-objects/pcm/pcm.ts";
import { migrate } from "../../../durable-objects/pcm/schema.ts";
import { SqlStore } from "../../../durable-objects/pcm/store.ts";
import { MemoryStore } from "../../../engines/broker/memory-store.ts";
import type { CanonicalTopic, Message } from "../../../engines/broker/message.ts";
import { lampModel, publishPacket, subscribePacket } from "../../../engines/broker/test-home.ts";
import type { DeviceHandle, GrantId } from "../../../engines/oauth/authority.ts";
import { authority, cloudOf, fallAsleep, tokenOf, WireClient } from "./cloud.ts";

const dh1 = "dh1" as DeviceHandle;
const device = { handle: dh1, name: "kitchen", model: lampModel };
const kept = { mqttClientId: "kept", cleanStart: false, properties: { sessionExpiryInterval: 3600 } };

/** The process ends: memory and sockets are gone, only what was committed stays. */
const lose = (user: string) => evictDurableObject(cloudOf(user), { webSockets: "close" });

test("what was acknowledged at QoS 1 is delivered after the sockets and the memory were lost", async () => {
  const owner = await WireClient.open("lost", "owner", kept);
  await owner.expect("connack");
  owner.send(subscribePacket("devices/#", { qos: 1 }));
  await owner.expect("suback");
  owner.close();
  await owner.closed;
  const sender = await WireClient.open("lost", "device");
  await sender.expect("connack");
  for (let i = 1; i <= 20; i++) sender.send(publishPacket("telemetry/t", String(i), { qos: 1, packetId: i }));
  for (let i = 1; i <= 20; i++) expect((await sender.expect("puback")).packetId).toBe(i);
  await lose("lost");
  const again = await WireClient.open("lost", "owner", kept);
  expect(await again.expect("connack")).toMatchObject({ sessionPresent: true });
  for (let i = 1; i <= 20; i++) expect(await again.message()).toBe(`devices/dh1/telemetry/t=${i}`);
});

test("devices, choices, refused epochs and retained values outlive the memory", async () => {
  const stub = cloudOf("keeps");
  await stub.addDevice(device);
  await stub.addDevice(device);
  const selection = {
    grantId: "app1" as GrantId,
    appName: "App",
    devices: [{ handle: dh1, actions: ["read" as const] }],
    expiresAtMs: Date.now() + 3_600_000,
  };
  await stub.select(selection);
  const sender = await WireClient.open("keeps", "device");
  await sender.expect("connack");
  sender.send(publishPacket("telemetry/t", "21", { qos: 1, retain: true }));
  await sender.expect("puback");
  await stub.revoked({ user: "keeps" as never, handle: "app9", epoch: 4, reason: "revoked" });
  await lose("keeps");
  expect(await stub.devices()).toEqual([device]);
  expect(await stub.selection(selection.grantId)).toEqual(selection);
  const app = await WireClient.open("keeps", "app");
  await app.expect("connack");
  app.send(subscribePacket("devices/+/telemetry/t"));
  await app.expect("suback");
  expect(await app.message()).toMatch(/^devices\/[A-Za-z0-9_-]{16}\/telemetry\/t=21$/);
  const late = await WireClient.open("keeps", "app", { handle: "app9", epoch: 3 });
  expect(await late.expect("connack")).toMatchObject({ reasonCode: 0x87 });
});

test("an app's handle for a device stays when the owner chooses anew, and differs between apps", async () => {
  const stub = cloudOf("pairwise");
  const handles: string[] = [];
  for (const grantId of ["app1", "app1", "app2"] as GrantId[]) {
    await stub.select({
      grantId,
      appName: "App",
      devices: [{ handle: dh1, actions: ["read"] }],
      expiresAtMs: Date.now() + 3_600_000,
    });
    const app = await WireClient.open("pairwise", "app", {
      handle: grantId,
      mqttClientId: crypto.randomUUID(),
    });
    await app.expect("connack");
    app.send(subscribePacket("grant"));
    await app.expect("suback");
    const { payload } = await app.expect("publish");
    handles.push(JSON.parse(new TextDecoder().decode(payload)).devices[0].handle);
  }
  expect(handles[1]).toBe(handles[0]);
  expect(handles[2]).not.toBe(handles[0]);
});

test.each(["edgenym-didp", "edgenym-gateway"] as const)(
  "the object asks about the password of CONNECT when the gateway did not: %s, and nobody else",
  async (asked) => {
    const token = await tokenOf(asked, authority("way-b", "device"));
    const good = await WireClient.open("way-b", "device", { token });
    expect(await good.expect("connack")).toMatchObject({ reasonCode: 0 });
    for (const [password, reasonCode] of [
      [await tokenOf(asked, authority("somebody-else", "device")), 0x87],
      ["nonsense", 0x87],
      [await tokenOf(asked), 0x88],
    ] as const) {
      const bad = await WireClient.open("way-b", "device", { token: password });
      expect(await bad.expect("connack")).toMatchObject({ reasonCode });
      await bad.closed;
    }
  },
);

test("authority of another user is turned away at the upgrade", async () => {
  const response = await cloudOf("mine").fetch("http://pcm/mqtt", {
    headers: { Upgrade: "websocket", "x-edgenym-authority": JSON.stringify(authority("theirs", "owner")) },
  });
  expect(response.status).toBe(403);
});

test("a plain request gets 426, and the subprotocol is answered", async () => {
  expect((await cloudOf("http").fetch("http://pcm/mqtt")).status).toBe(426);
  const response = await cloudOf("http").fetch("http://pcm/mqtt", {
    headers: { Upgrade: "websocket", "Sec-WebSocket-Protocol": "bearer.x, mqtt" },
  });
  expect(response.headers.get("Sec-WebSocket-Protocol")).toBe("mqtt");
});

test("a text frame closes the connection with 1003", async () => {
  const owner = await WireClient.open("text", "owner");
  await owner.expect("connack");
  owner.sendText("hello");
  expect(await owner.closed).toBe(1003);
});

test("a QoS 0 message without retain writes no row", async () => {
  const sender = await WireClient.open("rows", "device");
  await sender.expect("connack");
  const rows = () =>
    runInDurableObject<Pcm, number>(
      cloudOf("rows"),
      (_pcm, { storage }) => storage.sql.exec<{ n: number }>("SELECT total_changes() AS n").one().n,
    );
  const before = await rows();
  for (let i = 0; i < 50; i++) sender.send(publishPacket("telemetry/t", "1"));
  sender.send({ type: "pingreq" });
  await sender.expect("pingresp");
  expect(await rows()).toBe(before);
});

const ourTables =
  "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'";

/** An object as an older version of this software left it. */
function becomeVersion(sql: SqlStorage, version: number): void {
  for (const { name } of sql.exec<{ name: string }>(ourTables).toArray()) sql.exec(`DROP TABLE ${name}`);
  for (const step of steps.slice(0, version)) sql.exec(step);
  sql.exec("CREATE TABLE schema_version (only_row INTEGER PRIMARY KEY, version INTEGER NOT NULL)");
  sql.exec("INSERT INTO schema_version (only_row, version) VALUES (1, ?)", version);
}

test("an object that was brought up to date has the tables of a new one, and what it held", async () => {
  const stub = cloudOf("upgraded");
  await stub.devices();
  await runInDurableObject<Pcm, void>(stub, (_pcm, { storage: { sql } }) => {
    const columns = () =>
      sql
        .exec(
          `SELECT tables.name AS "table", columns.name, columns.type, columns."notnull", columns.pk
             FROM (${ourTables}) AS tables, pragma_table_info(tables.name) AS columns ORDER BY 1, 2`,
        )
        .toArray();
    const ofNew = columns();
    becomeVersion(sql, 5);
    sql.exec("INSERT INTO device VALUES ('dh1', 'kitchen', '{\"title\":\"Lamp\"}')");
    sql.exec(
      'INSERT INTO app_grant VALUES (\'g1\', \'App\', \'[{"handle":"dh1","pairwiseHandle":"ph","actions":["read"]}]\', 99)',
    );
    for (const id of [10, 9]) {
      sql.exec("INSERT INTO pending_command VALUES (?, 'dh1', 'light', 'app', 'g1', '[\"k\"]', 77)", id);
    }
    sql.exec("INSERT INTO refused_epoch VALUES ('*', 4)");
    sql.exec("INSERT INTO attachment VALUES (7, '{\"connection\":7}')");
    migrate(sql);
    expect(columns()).toEqual(ofNew);
    expect(new SqlStore(sql).load()).toEqual({
      sessions: [],
      devices: [{ handle: "dh1", name: "kitchen", model: { title: "Lamp" } }],
      grants: [
        {
          grantId: "g1",
          appName: "App",
          devices: [{ handle: "dh1", pairwiseHandle: "ph", actions: ["read"] }],
          expiresAtMs: 99,
        },
      ],
      commands: [9, 10].map((id) => ({
        id,
        device: "dh1",
        name: "light",
        publisher: { kind: "app", handle: "g1" },
        keys: ["k"],
        expiresAtMs: 77,
      })),
      refusedEpochs: new Map([["*", 4]]),
    });
    expect(new KeptRows(sql).get("attachment", "7")).toEqual({ connection: 7 });
  });
});

test("how much each publisher retains is told as the engine counts it", async () => {
  const memory = new MemoryStore();
  const message = (handle: string, name: string, payloadBytes: number, text?: string): Message => ({
    topicName: name as CanonicalTopic, // a test's own
    payload: new Uint8Array(payloadBytes),
    qos: 1,
    retain: true,
    publisher: { kind: "device", handle },
    ...(text !== undefined && { properties: { contentType: text, userProperties: [["k", text]] } }),
  });
  const messages = [
    message("dh1", "a", 1),
    message("dh1", "b", 2000),
    message("dh1", "b", 3000, "\u{1f4a1}".repeat(100)),
    message("dh2", "c", 1500),
  ];
  const sizes = await runInDurableObject<Pcm, unknown[]>(cloudOf("sizes"), (_pcm, { storage }) => {
    const store = new SqlStore(storage.sql);
    for (const one of messages) store.apply({ kind: "retain", message: one });
    return [...store.retainedSizes()];
  });
  for (const one of messages) memory.apply({ kind: "retain", message: one });
  expect(sizes).toEqual([...memory.retainedSizes()]);
  expect(sizes).toHaveLength(2);
});

test("what the first version of the tables held is there after an update, subscriptions and waiting messages too", async () => {
  const stub = cloudOf("older");
  await stub.devices();
  await runInDurableObject<Pcm, void>(stub, (_pcm, { storage: { sql } }) => {
    becomeVersion(sql, 1);
    const record = {
      id: 3,
      kind: "owner",
      handle: "owner1",
      mqttClientId: "kept",
      protocolLevel: 5,
      generation: 2,
      isConnected: false,
      expirySeconds: 3600,
      permissions: [["#", ["pub", "sub"]]],
      subscriptions: [
        { topicFilter: "it's/+", qos: 1, noLocal: true, retainAsPublished: false, identifier: 7 },
        { topicFilter: 'devices/"\u00e9"/#', qos: 2, noLocal: false, retainAsPublished: true },
      ],
      endsAtMs: Date.now() + 3_600_000,
    };
    sql.exec("INSERT INTO session (id, record) VALUES (?, ?)", record.id, JSON.stringify(record));
    sql.exec("INSERT INTO delivery VALUES (3, 1, NULL, 0, 1, 0, 'it''s/0', x'30', NULL, NULL, 6)");
    sql.exec("INSERT INTO retained VALUES ('small', x'30', 1, NULL, 'owner', 'owner1', NULL)");
    sql.exec("INSERT INTO retained VALUES ('large', zeroblob(3000), 1, '{}', 'owner', 'owner1', NULL)");
  });
  await lose("older");
  const sender = await WireClient.open("older", "owner", { mqttClientId: "sender" });
  await sender.expect("connack");
  sender.send(publishPacket("it's/a", "1", { qos: 1, retain: true, packetId: 1 }));
  expect(await sender.expect("puback")).toMatchObject({ reasonCode: 0 });
  const again = await WireClient.open("older", "owner", kept);
  expect(await again.expect("connack")).toMatchObject({ sessionPresent: true });
  expect(await again.message()).toBe("it's/0=0");
  expect(await again.expect("publish")).toMatchObject({
    qos: 1,
    retain: false,
    properties: { subscriptionIdentifiers: [7] },
  });
  again.send(publishPacket("it's/b", "2", { qos: 1, packetId: 2 }));
  // No Local came over too, so nobody subscribes to it.
  expect(await again.expect("puback")).toMatchObject({ reasonCode: 0 });
  again.send({ type: "pingreq" });
  await again.expect("pingresp");
  const sizes = await runInDurableObject<Pcm, unknown[]>(stub, (_pcm, { storage: { sql } }) =>
    sql.exec("SELECT topic_name, bytes FROM retained ORDER BY bytes, topic_name").toArray(),
  );
  expect(sizes).toEqual([
    { topic_name: "it's/a", bytes: 1024 },
    { topic_name: "small", bytes: 1024 },
    { topic_name: "large", bytes: 3007 },
  ]);
  const stored = await runInDurableObject<Pcm, unknown[]>(stub, (_pcm, { storage: { sql } }) =>
    sql.exec("SELECT * FROM subscription ORDER BY topic_filter").toArray(),
  );
  expect(stored).toMatchObject([
    {
      session: 3,
      topic_filter: 'devices/"\u00e9"/#',
      qos: 2,
      no_local: 0,
      retain_as_published: 1,
      identifier: null,
    },
    { session: 3, topic_filter: "it's/+", qos: 1, no_local: 1, retain_as_published: 0, identifier: 7 },
  ]);
});

test("the reply to an app's command finds it after the memory was lost", async () => {
  const stub = cloudOf("reply");
  await stub.addDevice(device);
  for (const grantId of ["app1", "app2"] as GrantId[]) {
    await stub.select({
      grantId,
      appName: "App",
      devices: [{ handle: dh1, actions: ["command"] }],
      expiresAtMs: Date.now() + 3_600_000,
    });
  }
  const [one, two] = await Promise.all(
    ["app1", "app2"].map(async (handle) => {
      const app = await WireClient.open("reply", "app", { handle, mqttClientId: handle });
      await app.expect("connack");
      app.send(subscribePacket("grant"));
      await app.expect("suback");
      const { payload } = await app.expect("publish");
      const pairwise: string = JSON.parse(new TextDecoder().decode(payload)).devices[0].handle;
      app.send(subscribePacket(`devices/${pairwise}/command/+/reply`));
      await app.expect("suback");
      app.send(publishPacket(`devices/${pairwise}/command/light`, `{"id":"${handle}"}`, { qos: 1 }));
      await app.expect("puback");
      return app;
    }),
  );
  await fallAsleep(stub);
  const sender = await WireClient.open("reply", "device");
  await sender.expect("connack");
  for (const id of ["app2", "app1"]) {
    sender.send(publishPacket("command/light/reply", `{"id":"${id}"}`, { qos: 1 }));
    await sender.expect("puback");
  }
  for (const app of [one, two]) app?.send({ type: "pingreq" });
  expect(await one?.message()).toMatch(/reply=\{"id":"app1"\}$/);
  expect(await two?.message()).toMatch(/reply=\{"id":"app2"\}$/);
  for (const app of [one, two]) expect(await app?.next()).toEqual({ type: "pingresp" });
});

test("what was refused is in the owner's ledger after the memory was lost, and counted on", async () => {
  for (let i = 0; i < 2; i++) {
    const narrow = await WireClient.open("ledger", "device", { permissions: [] });
    await narrow.expect("connack");
    narrow.send(publishPacket("telemetry/t", "1", { qos: 1 }));
    expect(await narrow.expect("puback")).toMatchObject({ reasonCode: 0x87 });
    await fallAsleep(cloudOf("ledger"));
    narrow.send({ type: "disconnect", reasonCode: 0 });
    await narrow.closed;
    await lose("ledger");
  }
  const owner = await WireClient.open("ledger", "owner");
  await owner.expect("connack");
  owner.send(subscribePacket("ledger"));
  await owner.expect("suback");
  const { payload, retain } = await owner.expect("publish");
  expect(retain).toBe(true);
  expect(JSON.parse(new TextDecoder().decode(payload))).toMatchObject({
    refused: [
      {
        who: { kind: "device", handle: "dh1" },
        action: "publish",
        topic: "devices/dh1/telemetry/t",
        reason_code: 0x87,
        count: 2,
      },
    ],
  });
});
