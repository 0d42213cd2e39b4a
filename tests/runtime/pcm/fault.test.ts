import { runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import type { Pcm } from "../../../durable-objects/pcm/pcm.ts";
import { publishPacket, subscribePacket } from "../../../engines/broker/test-home.ts";
import { cloudOf, WireClient } from "./cloud.ts";

test("a turn that fails costs its own socket; the others go on", async () => {
  const stub = cloudOf("fault");
  const owner = await WireClient.open("fault", "owner");
  await owner.expect("connack");
  owner.send(subscribePacket("devices/#"));
  await owner.expect("suback");
  const one = await WireClient.open("fault", "device", { handle: "dh1" });
  const two = await WireClient.open("fault", "device", { handle: "dh2" });
  for (const device of [one, two]) await device.expect("connack");
  await runInDurableObject<Pcm, void>(stub, (_pcm, { storage }) => {
    storage.sql.exec("ALTER TABLE retained RENAME TO hidden");
  });
  one.send(publishPacket("telemetry/t", "1", { qos: 1, retain: true }));
  expect(await one.closed).toBe(1011);
  two.send(publishPacket("telemetry/t", "2", { qos: 1 }));
  expect(await owner.message()).toBe("devices/dh2/telemetry/t=2");
  expect(await two.expect("puback")).toMatchObject({ reasonCode: 0 });
  await runInDurableObject<Pcm, void>(stub, (_pcm, { storage }) => {
    storage.sql.exec("ALTER TABLE hidden RENAME TO retained");
  });
});
