import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Edgenym } from "./support/edgenym.ts";
import { Server } from "./support/server.ts";

/** Many users for a load test, made through the public flows; asked for again, they are there already. */
const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-fleet-"));
const credentials = path.join(stateDir, "fleet.txt");
const server = new Server({
  firstPort: 18115,
  stateDir,
  arguments: ["--no-demo", "--set", "DEVICE_POLL_SECONDS=1"],
});

beforeAll(() => server.start());

afterAll(async () => {
  await server.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

test("three users with two devices and an app each are made, run, and found again", async () => {
  const fleet = ["sim", "fleet", "--users", "3", "--devices", "2", "--credentials", credentials];
  expect(await new Edgenym(stateDir, [...fleet, "--connect", "--limit", "2"]).ended).toBe(0);
  const lines = readLines();
  expect(lines.length).toBe(9);
  for (const [mqttClientId, userName, token, , user, role] of lines) {
    expect(mqttClientId).not.toBe("");
    expect(userName).toBe("Bearer");
    expect(token?.length).toBeGreaterThan(40);
    expect(user).toMatch(/^user=/);
    expect(role).toMatch(/^role=(dev|tpa)$/);
  }
  expect(await new Edgenym(stateDir, fleet).ended).toBe(0);
  expect(readLines().map(([mqttClientId]) => mqttClientId)).toEqual(
    lines.map(([mqttClientId]) => mqttClientId),
  );
});

function readLines(): string[][] {
  const lines = readFileSync(credentials, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => line.split(" "));
}
