import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeDevice, openFactory } from "../support/manufacturer.ts";
import { DeviceClient } from "../support/owned-device.ts";
import { launchBrowser, screenshot } from "./support/browser.ts";
import { Server } from "./support/server.ts";

/** Every page of the product and of the sample app: WCAG 2.2 AA, light and dark, small and wide; by keyboard; without scripts. */
const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-axe-"));
const server = new Server({
  firstPort: 18130,
  stateDir,
  arguments: ["--no-demo", "--set", "DEVICE_POLL_SECONDS=1"],
});
const { didp, sampleApp } = server.addresses;
let browser: Browser;
let labels: string[];

beforeAll(async () => {
  await server.start();
  browser = await launchBrowser();
  const factory = await openFactory(didp, server.secrets.operatorToken);
  labels = [];
  for (const name of ["one", "two", "three", "four", "five"]) {
    const device = new DeviceClient(didp, await makeDevice(factory, name));
    await device.switchOn();
    labels.push(device.identity.userRegistrationUri);
  }
});

afterAll(async () => {
  await browser?.close();
  await server.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

test.each([
  ["light", 1280],
  ["light", 320],
  ["dark", 1280],
  ["dark", 320],
] as const)("no page breaks a rule of WCAG 2.2 AA, %s, %i px wide", async (colorScheme, width) => {
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 800 } });
  const page = await context.newPage();
  const look = async (name: string) => {
    const { violations } = await new AxeBuilder({ page })
      .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"])
      .analyze();
    expect(violations.map(({ id, nodes }) => `${name}: ${id}: ${nodes[0]?.html}`)).toEqual([]);
    const overflow = await page.evaluate(
      "document.documentElement.scrollWidth > document.documentElement.clientWidth",
    );
    expect(overflow, `${name} scrolls sideways`).toBe(false);
    await screenshot(page, `axe-${name}-${colorScheme}-${width}`);
  };

  await page.goto(`${didp}/`);
  await look("start");
  await page.goto(`${didp}/d`);
  await look("enter-code");
  await page.goto(`${didp}/nothing-here`);
  await look("not-found");
  await page.goto(labels.pop() ?? "");
  await page.getByRole("button", { name: "Log in with Demo login" }).waitFor();
  await look("choose-login");
  await page.getByRole("button", { name: "Log in with Demo login" }).click();
  await look("demo-login");
  await page.getByRole("button", { name: "Carol Calloway" }).click();
  await page.getByRole("button", { name: "Make it mine" }).waitFor();
  await look("claim");
  await page.getByRole("button", { name: "Make it mine" }).click();
  await page.getByRole("heading", { name: /yours|connected/ }).waitFor();
  await look("claimed");
  await page.goto(`${didp}/me/devices`);
  await look("my-devices");

  await page.goto(sampleApp);
  await page.getByRole("button", { name: "Connect your devices" }).waitFor();
  await look("app-introduction");
  await page.getByRole("button", { name: "Connect your devices" }).click();
  await page.getByRole("heading", { name: /asks for access/ }).waitFor();
  await look("consent");
  await page.locator("button[name=decision][value=approve]").click();
  await page.getByRole("heading", { name: "What may Room monitor see?" }).waitFor();
  await look("selection");
  await page.getByRole("button", { name: "Share what is ticked" }).click();
  await page.getByText("Tick at least one device, or deny.").waitFor();
  await look("selection-nothing-ticked");
  await page.getByRole("checkbox").first().check();
  await page.getByRole("button", { name: "Share what is ticked" }).click();
  await page.getByRole("heading", { name: "Your rooms" }).waitFor();
  await look("app-live");
  await page.goto(`${didp}/me/apps`);
  await look("my-apps");
  for (const path of ["me/account", "me/delete", "recover", "dev", "mfr", "m", "t"]) {
    await page.goto(`${didp}/${path}`);
    await look(path.replace("/", "-"));
  }
  await context.close();
});

test("a device is claimed, and an app's wish answered, without a mouse and without a script", async () => {
  const context = await browser.newContext({
    javaScriptEnabled: false,
    viewport: { width: 800, height: 800 },
  });
  const page = await context.newPage();
  const label = new URL(labels.pop() ?? "");
  await page.goto(`${didp}/d`);
  await tabTo(page, page.getByLabel(/code/i));
  await page.keyboard.type(label.hash.slice(1));
  await page.keyboard.press("Enter");
  await press(page, "Log in with Demo login");
  await press(page, "Bob Bexley");
  await press(page, "Make it mine");
  await page.getByRole("heading", { name: /yours|connected/ }).waitFor();

  await page.goto(await authorizationUrl(context));
  await press(page, "Choose devices");
  await page.getByRole("heading", { name: "What may Keyboard app see?" }).waitFor();
  await tabTo(page, page.getByRole("checkbox").first());
  await page.keyboard.press("Space");
  const answer = page.waitForRequest((request) => request.url().startsWith("http://127.0.0.1:9/"));
  await press(page, "Share what is ticked");
  expect(new URL((await answer).url()).searchParams.get("code")).not.toBeNull();
  await context.close();
});

/** Walks with Tab until the element has the focus, as somebody without a mouse would. */
async function tabTo(page: Page, target: ReturnType<Page["getByRole"]>): Promise<void> {
  await target.waitFor();
  for (let steps = 0; steps < 60; steps += 1) {
    await page.keyboard.press("Tab");
    if ((await page.locator("*:focus").count()) === 0) continue;
    const isThere = await target.evaluate((element) => element === element.ownerDocument.activeElement);
    if (isThere) return;
  }
  throw new Error("Tab never gets there");
}

async function press(page: Page, button: string): Promise<void> {
  await tabTo(page, page.getByRole("button", { name: button }));
  await page.keyboard.press("Enter");
}

/** An app of somebody's own, registered over the browser's own network stack. */
async function authorizationUrl(context: BrowserContext): Promise<string> {
  const redirectUri = "http://127.0.0.1:9/callback";
  const registered = await context.request.post(`${didp}/register`, {
    data: { client_name: "Keyboard app", redirect_uris: [redirectUri], token_endpoint_auth_method: "none" },
  });
  const { client_id: clientId } = await registered.json();
  const url = new URL("/authorize", didp);
  url.search = new URLSearchParams({
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirectUri,
    state: "s",
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    code_challenge_method: "S256",
    authorization_details: JSON.stringify([{ type: "iot_access", actions: ["read", "command"] }]),
  }).toString();
  return url.href;
}
