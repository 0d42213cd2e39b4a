import { existsSync } from "node:fs";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { qrCode } from "../../engines/labels/qr-code.ts";
import { launchBrowser } from "../e2e/support/browser.ts";
import { type MadeDevice, openFactory } from "./support/factory.ts";
import { asOperator, joinManufacturer, registerRun } from "./support/maker.ts";
import type { Person, View } from "./support/person.ts";
import { type Platform, startPlatform } from "./support/platform.ts";

const PORT = 19_410;
const isBrowserThere = existsSync(process.env.CHROMIUM ?? "/usr/bin/chromium");
if (!isBrowserThere) console.warn("SKIPPED: labels in a real browser (missing: apt-get install chromium)");

let platform: Platform;
let maker: Person;
let run: View;

beforeAll(async () => {
  platform = await startPlatform(PORT);
  await openFactory(platform);
  maker = (await joinManufacturer(platform, "acme")).person;
  const fields = { software_id: "room-sensor", count: "43", batch: '<b>"spring"</b>' };
  run = await registerRun(platform, maker, "acme", fields);
});
afterAll(() => platform.stop());

const labelsOf = (page: View) =>
  [...page.html.matchAll(/<li class="label">.*?<path d="([^"]*)".*?label-code">([^<]*)</g)].map(
    ([, path, code = ""]) => ({ path, code: code.replaceAll(" ", "") }),
  );

test("a finished run leads to its labels: the same codes, in the same order, as in its file", async () => {
  expect(run.html).toContain(`href="${new URL(run.url).pathname}/labels"`);
  const page = await maker.open(`${run.url}/labels`);
  const results = await maker.open(`${run.url}/results`);
  const devices = results.html
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as MadeDevice);
  expect(devices).toHaveLength(43);
  expect(labelsOf(page)).toEqual(
    devices.map((device) => ({ code: device.user_code, path: qrCode(device.user_registration_uri).path })),
  );
  expect(page.html).toContain("Room sensor, &lt;b&gt;&quot;spring&quot;&lt;/b&gt; 43");
  expect(page.html).not.toContain(devices[0]?.client_secret);
});

test("the page is kept by nobody, runs nothing inline, and its layout comes from here", async () => {
  const page = await maker.open(`${run.url}/labels?paper=letter`);
  expect(page.headers.get("cache-control")).toBe("no-store");
  expect(page.headers.get("content-security-policy")).toContain("style-src 'self'");
  expect(page.html).not.toMatch(/style=|<style|<script/);
  const css = await fetch(`${platform.didp}/labels/letter.css`);
  expect([css.headers.get("content-type"), await css.text()]).toEqual([
    "text/css; charset=utf-8",
    expect.stringContaining("size: letter portrait"),
  ]);
});

test("a long run is printed in parts that follow on each other", async () => {
  const fields = { software_id: "room-sensor", count: "215", batch: "summer" };
  const long = await registerRun(platform, maker, "acme", fields);
  const [first, second] = [
    await maker.open(`${long.url}/labels`),
    await maker.open(`${long.url}/labels?part=2`),
  ];
  expect([first.title, labelsOf(first).length]).toEqual(["Labels, part 1 of 2", 210]);
  expect([second.title, labelsOf(second).length]).toEqual(["Labels, part 2 of 2", 5]);
  expect(second.html).toContain("Sheet 11");
  expect(second.html).toContain("summer 211");
  expect(new Set([first, second].flatMap(labelsOf).map(({ code }) => code)).size).toBe(215);
});

test("nobody else sees labels, and there is no other paper or part", async () => {
  await asOperator(platform, "PUT", "/manufacturers/globex", { name: "Globex" });
  const { person: stranger } = await joinManufacturer(platform, "globex");
  expect((await stranger.open(`${run.url}/labels`)).status).toBe(404);
  expect((await stranger.open(`${run.url.replace("/acme/", "/globex/")}/labels`)).status).toBe(404);
  for (const query of ["paper=a3", "paper=constructor", "part=0", "part=4", "part=x"]) {
    expect((await maker.open(`${run.url}/labels?${query}`)).status).toBe(400);
  }
});

describe.skipIf(!isBrowserThere)("in a real browser, without JavaScript", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  test.each([
    ["a4", 3, [595, 842]],
    ["letter", 3, [612, 792]],
  ] as const)(
    "43 labels come out on %s as %i sheets of that size, black on white",
    async (paper, sheets, size) => {
      const context = await browser.newContext({ javaScriptEnabled: false, colorScheme: "dark" });
      const name = "edgenym-didp";
      await context.addCookies([
        { name, value: maker.cookie(platform.didp, name) ?? "", url: platform.didp },
      ]);
      const page = await context.newPage();
      await page.goto(`${run.url}/labels?paper=${paper}`);
      const label = page.locator(".label").first();
      expect(await label.evaluate((node) => getComputedStyle(node).backgroundColor)).toBe(
        "rgb(255, 255, 255)",
      );
      await page.emulateMedia({ media: "print" });
      expect(await page.locator("h1, header, footer, .on-screen").filter({ visible: true }).count()).toBe(0);
      const { width = 0, height = 0 } = (await label.boundingBox()) ?? {};
      expect([Math.round((width / 96) * 25.4), Math.round((height / 96) * 25.4)]).toEqual([60, 37]);
      const pdf = (await page.pdf({ preferCSSPageSize: true })).toString("latin1");
      const boxes = [...pdf.matchAll(/\/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]/g)];
      expect(boxes.map(([, w, h]) => [Math.round(Number(w)), Math.round(Number(h))])).toEqual(
        Array.from({ length: sheets }, () => size),
      );
      await context.close();
    },
  );

  test("nothing of it breaks a rule of WCAG 2.2 AA", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      const context = await browser.newContext({ colorScheme });
      const name = "edgenym-didp";
      await context.addCookies([
        { name, value: maker.cookie(platform.didp, name) ?? "", url: platform.didp },
      ]);
      const page = await context.newPage();
      await page.goto(`${run.url}/labels`);
      const { violations } = await new AxeBuilder({ page })
        .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"])
        .analyze();
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
      await context.close();
    }
  });
});
