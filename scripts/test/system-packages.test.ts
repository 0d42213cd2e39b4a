import { expect, test } from "vitest";
import { suites } from "./suites.ts";
import { systemPackages } from "./system-packages.ts";

test("every suite needs only what the test command knows how to install, or the shared folder", () => {
  const known = new Set([...Object.keys(systemPackages), "shared"]);
  for (const suite of suites) for (const need of suite.needs ?? []) expect(known).toContain(need);
});
