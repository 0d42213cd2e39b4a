import { Person } from "../../cli/sim/person.ts";
import type { Platform } from "../../scripts/platform/platform.ts";
import { openFactory } from "../../tests/support/manufacturer.ts";
import { ownedDevice } from "../../tests/support/owned-device.ts";
import { ThirdPartyApp } from "../../tests/support/third-party-app.ts";

/** One user with one device and one app that may read it, made through the public flows. */
export async function provision(platform: Platform): Promise<{ deviceToken: string; appToken: string }> {
  const { didp, gateway } = platform.addresses;
  const alice = new Person({ login: "alice" });
  const factory = await openFactory(didp, platform.secrets.operatorToken);
  const device = await ownedDevice(didp, factory, alice, "bench device");
  const app = await (await ThirdPartyApp.register(gateway, "Bench")).authorize(alice);
  return { deviceToken: device.accessToken, appToken: app.accessToken };
}
