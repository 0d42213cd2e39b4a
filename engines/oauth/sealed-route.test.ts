import { expect, test } from "vitest";
import type { GatewayUserId } from "./authority.ts";
import { RouteSealer } from "./sealed-route.ts";

const user = "k3J9x_0aQ2" as GatewayUserId;
const sealer = new RouteSealer(new Uint8Array(32).fill(7));

test("a route opens to its user, and two routes of one user differ", async () => {
  const [first, second] = [await sealer.seal(user), await sealer.seal(user)];
  expect(first).not.toBe(second);
  expect(await sealer.unseal(first)).toBe(user);
  expect(await sealer.unseal(second)).toBe(user);
});

test("a changed, cut, foreign or made-up route opens to nothing", async () => {
  const route = await sealer.seal(user);
  const changed = (route[0] === "A" ? "B" : "A") + route.slice(1);
  const foreign = await new RouteSealer(new Uint8Array(32).fill(8)).seal(user);
  for (const wrong of [changed, route.slice(0, -4), foreign, "", "a", "not a route", "AAAA"]) {
    expect(await sealer.unseal(wrong)).toBeUndefined();
  }
});
