import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { demoPeople } from "../../demo/people.ts";
import { launchBrowser, personAt, screenshot } from "./support/browser.ts";
import { Edgenym } from "./support/edgenym.ts";
import { type NodeSeries, roomTraceFile, seriesOf } from "./support/room-trace.ts";
import { Server } from "./support/server.ts";
import { leaks, storedBytes } from "./support/stored-bytes.ts";

/**
 * The main path as people walk it: made, claimed, online, shared, and ended; on a real trace, through real sockets
 * and a real browser, with a second user beside who must notice nothing of it.
 */
const ROWS = 40;
const trace = roomTraceFile();
const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-main-"));
const server = new Server({
  firstPort: 18180,
  stateDir,
  arguments: ["--no-demo", "--set", "DEVICE_POLL_SECONDS=1"],
});
const { didp, sampleApp } = server.addresses;

let browser: Browser;
let alice: Awaited<ReturnType<typeof personAt>>;
let bob: Awaited<ReturnType<typeof personAt>>;
let simulator: Edgenym;
let bobsSimulator: Edgenym;

beforeAll(async () => {
  await server.start();
  browser = await launchBrowser();
  alice = await personAt(browser);
  bob = await personAt(browser);
});

afterAll(async () => {
  await simulator?.stop();
  await bobsSimulator?.stop();
  await browser?.close();
  await server.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

test("made and claimed: seven devices from their labels, with the name that their owner gives them", async () => {
  simulator = new Edgenym(stateDir, ["sim", "run", "--trace", trace, "--limit", "1"]);
  const made = await simulator.waitFor(({ event }) => event === "made", 7);
  const { page } = alice;
  for (const [index, { name, registration_uri: label }] of made.entries()) {
    await simulator.waitFor((record) => record.device === name && record.state === "waiting");
    await page.goto(String(label));
    if (index === 0) {
      await page.getByRole("button", { name: "Log in with Demo login" }).waitFor();
      expect(new URL(page.url()).hash).toBe(""); // the code is not left in the address
      await screenshot(page, "claim-1-login");
      await page.getByRole("button", { name: "Log in with Demo login" }).click();
      await screenshot(page, "claim-2-demo-login");
      await page.getByRole("button", { name: "Alice Ainsworth" }).click();
    }
    await page.getByLabel("A name for it").fill(`Alice's ${name}`);
    if (index === 0) await screenshot(page, "claim-3-agree");
    await page.getByRole("button", { name: "Make it mine" }).click();
    await page.getByRole("heading", { name: /yours|connected/ }).waitFor();
    if (index === 0) await screenshot(page, "claim-4-done");
  }
  expect(await simulator.ended).toBe(0);
  await page.goto(`${didp}/me/devices`);
  expect(await page.getByRole("heading", { level: 2 }).count()).toBe(7);
  await screenshot(page, "my-devices");
});

test("a second user claims a device of his own", async () => {
  bobsSimulator = new Edgenym(stateDir, ["sim", "factory", "--count", "1", "--interval", "0.2"]);
  const [made] = await bobsSimulator.waitFor(({ event }) => event === "made");
  await bobsSimulator.waitFor((record) => record.device === made?.name && record.state === "waiting");
  const { page } = bob;
  await page.goto(String(made?.registration_uri));
  await page.getByRole("button", { name: "Log in with Demo login" }).click();
  await page.getByRole("button", { name: "Bob Bexley" }).click();
  await page.getByLabel("A name for it").fill("Bob's own");
  await page.getByRole("button", { name: "Make it mine" }).click();
  await bobsSimulator.waitFor((record) => record.device === made?.name && record.state === "online");
});

test("before consent the app sees nothing", async () => {
  await alice.page.goto(sampleApp);
  await alice.page.getByRole("heading", { name: "See how your rooms are doing" }).waitFor();
  await expectText(alice.page, "This app sees nothing.");
  await screenshot(alice.page, "app-1-before");
});

test("shared: every value of the trace reaches the app as it was measured, and nobody else's does", async () => {
  await connectApp(alice.page, "alice");
  await connectApp(bob.page, "bob");

  simulator = new Edgenym(stateDir, [
    "sim",
    "run",
    "--trace",
    trace,
    "--limit",
    String(ROWS),
    "--rate",
    "20",
    "--stay",
  ]);
  await simulator.waitFor(({ event }) => event === "trace_done");
  const { page } = alice;
  expect(await page.getByRole("heading", { level: 2, name: /node/i }).count()).toBe(7);

  for (const [property, title] of [
    ["temperature", "Temperature"],
    ["light", "Brightness"],
    ["co2", "Carbon dioxide"],
    ["motion", "Motion"],
  ] as const) {
    const measured = await seriesOf(trace, property, ROWS);
    await page.getByLabel("Show", { exact: true }).selectOption({ label: title });
    const shown = await tableSeries(
      page,
      [...measured.values()].reduce((sum, node) => sum + node.size, 0),
    );
    // The app does not know which node is which: each of its devices must be exactly one node of the trace.
    const unmatched = new Map(measured);
    for (const [device, series] of shown) {
      const twin = [...unmatched].find(([, node]) => isSame(node, series));
      expect(twin, `${device}: its ${property} is no node's`).toBeDefined();
      unmatched.delete(twin?.[0] ?? "");
    }
    expect([...unmatched.keys()], `${property} that never arrived`).toEqual([]);
  }
  await page.getByLabel("Show", { exact: true }).selectOption({ label: "Temperature" });
  await page.getByRole("button", { name: "Hide the table" }).click();
  await screenshot(page, "app-3-live");

  // Bob's app: one device, none of the trace's times.
  expect(await bob.page.getByRole("heading", { level: 2, name: /node/i }).count()).toBe(1);
  const bobs = await tableSeries(bob.page, 1);
  const traceTimes = new Set(
    [...(await seriesOf(trace, "temperature", ROWS)).values()].flatMap((node) => [...node.keys()]),
  );
  expect(
    [...bobs.values()].flatMap((series) => [...series.keys()]).filter((time) => traceTimes.has(time)),
  ).toEqual([]);
});

test("the app switches a light, and the device says so", async () => {
  const { page } = alice;
  const light = page.getByRole("switch").first();
  expect(await light.getAttribute("aria-checked")).toBe("false");
  await light.click();
  await expectText(page, "Done: the device says on");
  await simulator.waitFor(
    ({ event, command, status }) => event === "command" && command === "led" && status === "done",
  );
  expect(await light.getAttribute("aria-checked")).toBe("true");
  await screenshot(page, "app-4-switched");
});

test("ended: the owner revokes, and the app goes dark while the devices go on", async () => {
  const page = await alice.context.newPage();
  await page.goto(`${didp}/me/apps`);
  await page.getByRole("heading", { name: "Room monitor" }).waitFor();
  await screenshot(page, "my-apps");
  await page.getByRole("button", { name: /End access|Revoke/ }).click();
  await alice.page.getByRole("heading", { name: "Your access has ended" }).waitFor();
  await screenshot(alice.page, "app-5-ended");
  expect(await alice.page.getByRole("heading", { level: 2, name: /node/i }).count()).toBe(0);
  // Bob's access is his own.
  expect(await bob.page.getByRole("heading", { level: 2, name: /node/i }).count()).toBe(1);
  await page.close();
});

test("no store and no log holds who anybody is, and no party what only another may know", () => {
  const devices = readdirSync(path.join(stateDir, "devices")).map((file) =>
    JSON.parse(readFileSync(path.join(stateDir, "devices", file), "utf8")),
  );
  const people = Object.fromEntries(
    demoPeople.flatMap(({ login, subject, email, name }) => [
      [`${login}'s subject`, subject],
      [`${login}'s e-mail`, email],
      [`${login}'s name`, name],
    ]),
  );
  const secrets = Object.fromEntries(
    devices.flatMap((device) => [
      [`${device.name}: client secret`, device.clientSecret],
      [`${device.name}: refresh token`, device.refreshToken],
      [`${device.name}: registration token`, device.registrationAccessToken],
      [`${device.name}: code`, device.userCode],
    ]),
  );
  const stored = storedBytes(stateDir);
  expect(new Set(stored.map(({ party }) => party))).toEqual(
    new Set(["pcm", "streams", "registry", "d1", "log", "cache"]),
  );
  expect(leaks(stored, { ...people, ...secrets })).toEqual([]);

  // Nobody but the DIdP knows an OAuth client; the DIdP knows no device's name and no data.
  const clientIds = Object.fromEntries(
    devices.map((device) => [`${device.name}: client id`, device.clientId]),
  );
  expect(
    leaks(
      stored.filter(({ party }) => party !== "registry" && party !== "d1"),
      clientIds,
    ),
  ).toEqual([]);
  const owners = {
    "a device's name": "Alice's S1",
    "another's": "Bob's own",
    "a topic": "telemetry/temperature",
  };
  expect(
    leaks(
      stored.filter(({ party }) => party !== "pcm"),
      owners,
    ),
  ).toEqual([]);
  expect(
    leaks(
      stored.filter(({ party }) => party === "pcm"),
      owners,
    ).length,
  ).toBeGreaterThan(0); // the scan does find
});

test("no page complained in its console, but of the refused refresh by which the app learned its end", () => {
  expect(alice.complaints).toEqual([expect.stringContaining("status of 400")]);
  expect(bob.complaints).toEqual([]);
});

async function connectApp(page: Page, who: string): Promise<void> {
  await page.goto(sampleApp);
  await page.getByRole("button", { name: "Connect your devices" }).click();
  await page.getByRole("heading", { name: /Room monitor/ }).waitFor();
  await screenshot(page, `${who}-consent-1`);
  await page.locator("button[name=decision][value=approve]").click();
  await page.getByRole("heading", { name: "What may Room monitor see?" }).waitFor();
  for (const box of await page.getByRole("checkbox").all()) await box.check();
  await screenshot(page, `${who}-consent-2`);
  await page.getByRole("button", { name: "Share what is ticked" }).click();
  await page.getByRole("heading", { name: "Your rooms" }).waitFor();
}

/** The page's table of readings, by device, once it has `count` rows. */
async function tableSeries(page: Page, count: number): Promise<ReadonlyMap<string, NodeSeries>> {
  const show = page.getByRole("button", { name: "Show as table" });
  if (await show.isVisible()) await show.click();
  await page
    .locator("#readings tbody tr")
    .nth(count - 1)
    .waitFor();
  const rows = await page.locator("#readings tbody tr").evaluateAll((elements) =>
    elements.map((row) => ({
      time: row.querySelector("time")?.dateTime ?? "",
      device: row.children[1]?.textContent ?? "",
      value: row.children[2]?.textContent ?? "",
    })),
  );
  const series = new Map<string, Map<string, string>>();
  for (const { time, device, value } of rows) {
    const known = series.get(device) ?? new Map<string, string>();
    series.set(device, known.set(time, value));
  }
  return series;
}

function isSame(a: NodeSeries, b: NodeSeries): boolean {
  return a.size === b.size && [...a].every(([time, value]) => b.get(time) === value);
}

async function expectText(page: Page, text: string): Promise<void> {
  await page.getByText(text).first().waitFor();
}
