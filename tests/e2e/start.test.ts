import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { Server } from "./support/server.ts";

const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-start-"));
const server = new Server({ firstPort: 18100, stateDir, arguments: ["--no-demo"] });

afterAll(async () => {
  await server.kill();
  rmSync(stateDir, { recursive: true, force: true });
});

test("starts, answers on every port, and ends cleanly on Ctrl-C", async () => {
  await server.start();
  const { gateway, didp, uidp, sampleApp } = server.addresses;
  for (const url of [
    `${gateway}/.well-known/oauth-protected-resource`,
    `${didp}/.well-known/oauth-authorization-server`,
    `${uidp}/.well-known/openid-configuration`,
    sampleApp,
  ]) {
    expect((await fetch(url)).status, url).toBe(200);
  }
  expect(await server.stop()).toBe(0);
  expect(server.output).toContain("Everything is kept");
});

test("a taken port is named, with what to do, and nothing is started", async () => {
  await server.start();
  const second = new Server({
    firstPort: 18100,
    stateDir: path.join(stateDir, "second"),
    arguments: ["--no-demo"],
  });
  await expect(second.start()).rejects.toThrow(/port 18100 \(gateway\) is taken.*--port/s);
});

test("a second platform on the same state folder is refused", async () => {
  const second = new Server({ firstPort: 18110, stateDir, arguments: ["--no-demo"] });
  await expect(second.start()).rejects.toThrow(/already runs on this state folder/);
});

test("after a kill -9 of the platform alone, the next start ends the runtime that was left behind", async () => {
  const secretsBefore = server.secrets;
  await server.killAlone();
  await server.start();
  expect(server.secrets).toEqual(secretsBefore);
  expect((await fetch(`${server.addresses.didp}/.well-known/oauth-authorization-server`)).status).toBe(200);
});
