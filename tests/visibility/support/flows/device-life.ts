import type { Person } from "../../../../cli/sim/person.ts";
import type { DeviceClient, DeviceTokens } from "../../../support/owned-device.ts";
import { deviceReferences, offerDevice, pressOnDevice } from "../device-page.ts";
import { as } from "../network.ts";
import type { Scene } from "../scene.ts";
import { openBatch } from "./factory-batches.ts";

/** A device that is lost and found, reset and let in again, given to somebody else, and at last cut off by its maker. */
export async function liveALife(scene: Scene, first: Person, second: Person): Promise<void> {
  const { didp } = scene.platform.addresses;
  const batch = await openBatch(scene);
  const identity = await scene.make({}, batch.factory);
  const before = new Set(await deviceReferences(first, didp));
  const { client, tokens } = await scene.own(identity, first);
  const reference = (await deviceReferences(first, didp)).find((one) => !before.has(one)) ?? "";

  await as("owner", () => pressOnDevice(first, didp, "lost", reference));
  const lost = await scene.tokensOf(() => client.refresh(tokens.refreshToken));
  await reset(scene, client, lost);
  const codeAfterReset = await as("device", () => client.switchOn());
  await as("owner", () => pressOnDevice(first, didp, "reapprove", reference));
  const back = await scene.tokensOf(() => client.poll(codeAfterReset));
  await as("owner", () => pressOnDevice(first, didp, "found", reference));
  const found = await scene.tokensOf(() => client.refresh(back.refreshToken));
  if (found.accessToken === lost.accessToken) throw new Error("the device was not let in again");

  const offer = await as("owner", () => offerDevice(first, didp, reference));
  scene.plant("transferLink", offer.hash.slice(1));
  const name = scene.word("received");
  scene.plant("deviceName", name);
  await second.claim(offer, { deviceName: name });
  const code = await as("device", () => client.switchOn());
  await scene.tokensOf(() => client.poll(code));

  await as("manufacturer", () => batch.disable("compromised"));
  const page = await second.open(new URL("/me/devices", didp));
  if (!page.html.includes("have been stolen"))
    throw new Error("the owner was not told that keys were stolen");
}

async function reset(scene: Scene, client: DeviceClient, tokens: DeviceTokens): Promise<void> {
  await as("device", () => client.revoke(tokens.refreshToken));
  scene.plant("deviceTokens", tokens.refreshToken);
}
