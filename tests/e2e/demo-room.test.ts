import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { logInAsOwner } from "../../cli/owner-login.ts";
import { Person } from "../../cli/sim/person.ts";
import { nextMessage, subscribe } from "../streams/household.ts";
import { MqttPeer } from "../support/mqtt-peer.ts";
import { launchBrowser, personAt, screenshot } from "./support/browser.ts";
import { roomTraceFile } from "./support/room-trace.ts";
import { Server } from "./support/server.ts";

/**
 * What a newcomer sees: `npm start` with a trace, the sample app, Alice's consent. Every figure on the page is held
 * against a computation of its own, which knows the CSV and nothing of the rule.
 */
const FIRST_ROW = 300;
const ROWS = 100;
const [header = "", ...lines] = readFileSync(roomTraceFile(), "utf8").trim().split("\n");
const chosen = lines.length < FIRST_ROW + ROWS ? lines : lines.slice(FIRST_ROW, FIRST_ROW + ROWS);
const expected = computed(header, chosen);

const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-room-"));
const trace = path.join(stateDir, "part-of-the-trace.csv");
const server = new Server({
  firstPort: 18330,
  stateDir: path.join(stateDir, "state"),
  // Half a minute: time enough to get in before the end.
  arguments: ["--trace", trace, "--rate", String(Math.ceil(chosen.length / 40))],
});
let browser: Browser;
let alice: Awaited<ReturnType<typeof personAt>>;

beforeAll(async () => {
  writeFileSync(trace, [header, ...chosen].join("\n"));
  await server.start();
  browser = await launchBrowser();
  alice = await personAt(browser);
});

afterAll(async () => {
  await browser?.close();
  await server.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

test("before Alice agrees the app knows of no room", async () => {
  const { page } = alice;
  await page.goto(server.addresses.sampleApp);
  await page.getByRole("heading", { name: "See how your rooms are doing" }).waitFor();
  expect(await page.getByText("Who is in the room?").count()).toBe(0);
});

test("the app shows what the rule infers, the true count, how often they agree, and what the rule did", async () => {
  const { page } = alice;
  await page.getByRole("button", { name: "Connect your devices" }).click();
  await page.getByRole("button", { name: "Log in with Demo login" }).click();
  await page.getByRole("button", { name: "Alice Ainsworth" }).click();
  await page.locator("button[name=decision][value=approve]").click();
  await page.getByRole("heading", { name: "What may Room monitor see?" }).waitFor();
  for (const box of await page.getByRole("checkbox").all()) await box.check();
  await page.getByRole("button", { name: "Share what is ticked" }).click();
  await page.getByRole("heading", { name: "Who is in the room?" }).waitFor();
  await page.getByText(/of \d+ counts so far/).waitFor();
});

test("after a restart in the middle the rule goes on, and no row is missed or counted twice", async () => {
  const { page } = alice;
  const before = Number(/of (\d+) counts/.exec(await card(page, "They agree"))?.[1]);
  expect(before).toBeLessThan(chosen.length);
  await server.stop();
  await server.start();
  await page.getByText(`of ${chosen.length} counts so far`).waitFor({ timeout: 90_000 });
});

test("at the end every figure is what follows from the trace", async () => {
  const { page } = alice;
  const last = expected.at(-1);
  await expect
    .poll(async () => [
      await card(page, "The rule says"),
      await card(page, "Counted by hand"),
      await card(page, "They agree"),
    ])
    .toEqual([
      expect.stringContaining(words(last?.inferred)),
      expect.stringContaining(words(last?.counted)),
      expect.stringContaining(
        `${((100 * expected.filter(({ inferred, counted }) => inferred === counted).length) / expected.length).toFixed(1)} %`,
      ),
    ]);
  const lamp = page.getByRole("switch", { name: "Lamp at the door of Door sign" });
  expect(await lamp.getAttribute("aria-checked")).toBe(String((last?.inferred ?? 0) > 0));

  // The app came in the middle: what it lists is the end of what the rule did, newest first, and nothing else.
  const did = expected.flatMap(({ inferred }, i) => {
    const before = expected[i - 1]?.inferred;
    const isOn = inferred > 0;
    return [
      ...(inferred === before ? [] : [`wrote “${words(inferred)}” on the sign`]),
      ...(before !== undefined && isOn === before > 0 ? [] : [`switched the lamp ${isOn ? "on" : "off"}`]),
    ];
  });
  const listed = await page
    .getByRole("list", { name: "What the rule did, newest first" })
    .getByRole("listitem")
    .evaluateAll((items) => items.map((item) => item.lastChild?.textContent?.trim() ?? ""));
  expect(listed.length).toBeGreaterThanOrEqual(2);
  expect([...listed].sort()).toEqual(did.slice(-listed.length).sort());
});

test("Alice's list of apps names the app and nothing that the demo left behind", async () => {
  const page = await alice.context.newPage();
  await page.goto(`${server.addresses.didp}/me/apps`);
  expect(await page.getByRole("heading", { level: 2 }).allTextContents()).toEqual(["Room monitor"]);
  await page.close();
});

test("the rule on the page is the one that runs in Alice's own cloud, and its alarm is there", async () => {
  const { page } = alice;
  await page.getByText("The rule", { exact: true }).focus();
  await page.keyboard.press("Enter");
  const text = page.getByLabel("Text of the rule");
  await expect.poll(() => text.textContent()).toContain("define stream People");
  const { gateway, didp } = server.addresses;
  const redirectUri = "http://127.0.0.1/callback";
  const owner = await logInAsOwner(didp, redirectUri, (url) =>
    new Person({ login: "alice" }).consent(url, redirectUri),
  );
  const answer = await fetch(`${gateway}/v1/me/rules/occupancy`, {
    headers: { authorization: `Bearer ${owner.accessToken}` },
  });
  expect(await answer.json()).toMatchObject({ state: "running", text: await text.textContent() });

  const client = await MqttPeer.open({ url: owner.gatewayUri }, 5);
  if (typeof client === "number") throw new Error(`refused with ${client}`);
  client.connect(owner.accessToken);
  await client.nextOf("connack");
  await subscribe(client, "alarms/#");
  const state = (expected.at(-1)?.inferred ?? 0) > 0 ? "occupied" : "empty";
  expect(await nextMessage(client)).toMatchObject({
    topic: "alarms/occupancy.room",
    json: { title: `The room is ${state}`, severity: "info" },
  });
  client.cut();
});

test.each(["light", "dark"] as const)("the panel breaks no rule of WCAG 2.2 AA, %s", async (colorScheme) => {
  const { page } = alice;
  await page.emulateMedia({ colorScheme });
  for (const width of [1024, 360]) {
    await page.setViewportSize({ width, height: 768 });
    const { violations } = await new AxeBuilder({ page })
      .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"])
      .analyze();
    expect(violations.map(({ id, nodes }) => `${width}: ${id}: ${nodes[0]?.html}`)).toEqual([]);
    expect(
      await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"),
    ).toBe(false);
    await screenshot(page, `demo-room-${colorScheme}-${width}`);
  }
});

test("no page complained, but of the platform that was away while it started anew", () => {
  const away = /WebSocket connection to .* failed|ERR_CONNECTION_REFUSED/;
  expect(alice.complaints.filter((complaint) => !away.test(complaint))).toEqual([]);
});

async function card(page: Page, title: string): Promise<string> {
  return (await page.getByRole("group", { name: title, exact: true }).textContent()) ?? "";
}

function words(people: number | undefined): string {
  return people === 0 ? "nobody" : people === 1 ? "1 person" : `${people} people`;
}

/** Desks whose lamp is lit; without any, one person if something moved in the last five minutes. */
function computed(names: string, rows: readonly string[]): { inferred: number; counted: number }[] {
  const columns = names.trim().split(",");
  const movedAt: number[] = [];
  return rows.map((row) => {
    const cells = row.trim().split(",");
    const of = (name: string) => cells[columns.indexOf(name)] ?? "";
    const time = Date.parse(`${of("Date").replaceAll("/", "-")}T${of("Time")}Z`);
    const lit = [
      Number(of("S1_Light")) > 100,
      Number(of("S2_Light")) > 150,
      Number(of("S3_Light")) > 140,
    ].filter((isLit) => isLit).length;
    if (of("S6_PIR") === "1" || of("S7_PIR") === "1") movedAt.push(time);
    const moved = movedAt.some((at) => time - at < 300_000);
    return { inferred: lit > 0 ? lit : Number(moved), counted: Number(of("Room_Occupancy_Count")) };
  });
}
