import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Server } from "../e2e/support/server.ts";
import type { MqttPeer } from "../support/mqtt-peer.ts";
import { Developer } from "./developer.ts";
import { Household, publishReading } from "./household.ts";

/** kill -9 while two users' devices feed an app's rule: nothing acknowledged is lost, nothing counts twice. */
const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-fleet-crash-"));
const server = new Server({
  firstPort: 18_530,
  stateDir,
  arguments: ["--no-demo", "--set", "DEVICE_POLL_SECONDS=1"],
});
const homes: Household[] = [];
let developer: Developer;

const counted = `
  @source(type='things', property='light')
  define stream Light (user string, device string, value double);
  @sink(type='stream', topic='each') define stream Each (device string, value double, n long);
  @sink(type='stream', topic='all') define stream All (n long);
  partition with (device of Light) begin
    from Light select device, value, count() as n insert into Each;
  end;
  from Each#window.length(10000) select count() as n insert into All;
`;

beforeAll(async () => {
  await server.start();
  const { operatorToken } = server.secrets;
  developer = await Developer.register(server.addresses.gateway, "Counter");
  await developer.json("PUT", "/rules/counted", counted);
  for (const login of ["alice", "bob"]) {
    const home = await Household.open(server.addresses, operatorToken, login, { hall: "room-node" });
    await developer.app.authorize(home.person, { read: "all", command: [] });
    homes.push(home);
  }
});

afterAll(async () => {
  await server.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

test("through three crashes in mid-stream every acknowledged reading of both users counts, once", async () => {
  const total = 90;
  const killAt = new Set([23, 47, 70]);
  let devices = await connect();
  let again = 0;
  for (let value = 1; value <= total; value += 1) {
    for (const device of devices) publishReading(device, "light", value, value);
    if (killAt.has(value)) {
      // The crash comes while both are on their way: whoever was not answered sends it again, as QoS 1 asks.
      const isAcknowledged =
        value % 2 === 0 ? await Promise.all(devices.map((d) => acknowledged(d, value))) : [];
      await server.kill();
      await server.start();
      devices = await connect();
      for (const [i, device] of devices.entries()) {
        if (isAcknowledged[i] === true) continue;
        again += 1;
        publishReading(device, "light", value, value);
        expect(await acknowledged(device, value)).toBe(true);
      }
      continue;
    }
    for (const device of devices) expect(await acknowledged(device, value)).toBe(true);
  }
  for (const device of devices) device.cut();

  const results = await developer.until((all) => {
    const each = all.filter(({ stream }) => stream === "each");
    return each.filter(({ payload }) => payload.value === total).length === homes.length;
  });
  const each = results.filter(({ stream }) => stream === "each").map(({ payload }) => payload);
  const handles = [...new Set(each.map(({ device }) => device))];
  expect(handles).toHaveLength(2);
  for (const handle of handles) {
    const mine = each.filter(({ device }) => device === handle);
    // Every value is there, and the counter runs from 1 without a gap and without a repetition.
    expect(new Set(mine.map(({ value }) => value)).size).toBe(total);
    expect(mine.map(({ n }) => n)).toEqual(mine.map((_, i) => i + 1));
  }
  // A reading that was sent again because its answer was lost may count twice, and no other.
  expect(each.length).toBeGreaterThanOrEqual(2 * total);
  expect(each.length).toBeLessThanOrEqual(2 * total + again);
  const all = results.filter(({ stream }) => stream === "all").map(({ payload }) => payload.n);
  expect(all).toEqual(each.map((_, i) => i + 1));
  expect(new Set(results.map(({ id }) => id)).size).toBe(results.length);
}, 300_000);

function connect(): Promise<MqttPeer[]> {
  return Promise.all(homes.map((home) => home.connect("hall")));
}

async function acknowledged(peer: MqttPeer, packetId: number): Promise<boolean> {
  for (;;) {
    const packet = await peer.next();
    if (packet === undefined) return false;
    if (packet.type === "puback" && packet.packetId === packetId) return true;
  }
}
