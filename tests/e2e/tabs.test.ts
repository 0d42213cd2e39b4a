import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Person } from "../../cli/sim/person.ts";
import { launchBrowser } from "./support/browser.ts";
import { Edgenym } from "./support/edgenym.ts";
import { roomTraceFile, seriesOf } from "./support/room-trace.ts";
import { Server } from "./support/server.ts";

/**
 * A browser app in the hands of people: two tabs of it, one grant, tokens of a few seconds, and no key to bind them
 * to (the metadata hides that the server takes proofs), so that a refresh token used twice ends everything; and a
 * page that is away.
 */
const ROWS = 20;
const trace = roomTraceFile();
const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-tabs-"));
const server = new Server({
  firstPort: 18340,
  stateDir,
  arguments: ["--no-demo", "--set", "DEVICE_POLL_SECONDS=1", "--set", "APP_TOKEN_SECONDS=4"],
});
let browser: Browser;
let context: BrowserContext;
let first: Page;
let second: Page;
let simulator: Edgenym;
const refreshes: { token: string; status: Promise<number> }[] = [];

beforeAll(async () => {
  await server.start();
  simulator = new Edgenym(stateDir, ["sim", "run", "--trace", trace, "--limit", "1"]);
  const alice = new Person({ login: "alice" });
  const made = await simulator.waitFor(({ event }) => event === "made", 7);
  for (const { name, registration_uri: label } of made) {
    await simulator.waitFor((record) => record.device === name && record.state === "waiting");
    await alice.claim(new URL(String(label)), { deviceName: String(name) });
  }
  await simulator.ended;
  browser = await launchBrowser();
  context = await browser.newContext();
  await context.route("**/.well-known/oauth-authorization-server", async (route) => {
    const response = await route.fetch();
    const { dpop_signing_alg_values_supported, ...metadata } = await response.json();
    expect(dpop_signing_alg_values_supported).toContain("ES256");
    await route.fulfill({ response, json: metadata });
  });
  context.on("request", (request) => {
    const form = new URLSearchParams(request.postData() ?? "");
    expect(request.headers().dpop).toBeUndefined();
    if (form.get("grant_type") !== "refresh_token") return;
    const status = request.response().then((response) => response?.status() ?? 0);
    refreshes.push({ token: form.get("refresh_token") ?? "", status });
  });
});

afterAll(async () => {
  await simulator?.stop();
  await browser?.close();
  await server.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

test("two tabs share one grant: each refresh token is used once, and both tabs live on", async () => {
  first = await context.newPage();
  await first.goto(server.addresses.sampleApp);
  await first.getByRole("button", { name: "Connect your devices" }).click();
  await first.getByRole("button", { name: "Log in with Demo login" }).click();
  await first.getByRole("button", { name: "Alice Ainsworth" }).click();
  await first.locator("button[name=decision][value=approve]").click();
  await first.getByRole("heading", { name: "What may Room monitor see?" }).waitFor();
  for (const box of await first.getByRole("checkbox").all()) await box.check();
  await first.getByRole("button", { name: "Share what is ticked" }).click();
  await first.getByRole("heading", { name: "Your rooms" }).waitFor();

  second = await context.newPage();
  await second.goto(server.addresses.sampleApp);
  await second.getByRole("heading", { name: "Your rooms" }).waitFor();

  await expect.poll(() => refreshes.length, { timeout: 60_000 }).toBeGreaterThanOrEqual(8);
  const seen = refreshes.slice(0, 8);
  expect(await Promise.all(seen.map(({ status }) => status))).toEqual(seen.map(() => 200));
  expect(new Set(seen.map(({ token }) => token)).size).toBe(seen.length);
  for (const tab of [first, second]) {
    await tab.getByText("Values arrive as they are measured.").waitFor();
    expect(await tab.getByRole("heading", { level: 2, name: /node/i }).count()).toBe(7);
  }
});

test("what was measured while the page was away is there when it comes back, and the other tab has it too", async () => {
  await first.goto("about:blank");
  simulator = new Edgenym(stateDir, [
    "sim",
    "run",
    "--trace",
    trace,
    "--limit",
    String(ROWS),
    "--rate",
    "10",
  ]);
  await simulator.waitFor(({ event }) => event === "trace_done");
  await first.goto(server.addresses.sampleApp);
  const measured = await seriesOf(trace, "co2", ROWS);
  const expected = [...measured.values()].flatMap((series) => [...series.keys()]).sort();
  for (const tab of [first, second]) {
    await tab.getByLabel("Show", { exact: true }).selectOption({ label: "Carbon dioxide" });
    await tab.getByRole("button", { name: "Show as table" }).click();
    await expect
      .poll(() =>
        tab
          .locator("#readings tbody time")
          .evaluateAll((times) => times.map((time) => time.getAttribute("datetime")).sort()),
      )
      .toEqual(expected);
  }
});

test("one tab disconnects, and the other knows", async () => {
  await first.getByRole("button", { name: "Disconnect" }).click();
  await first.getByRole("heading", { name: "Disconnected" }).waitFor();
  await second.getByRole("heading", { name: "Your access has ended" }).waitFor();
});
