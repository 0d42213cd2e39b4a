import * as oauth from "oauth4webapi";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Person } from "../../cli/sim/person.ts";
import { Operator } from "../federation/support/operator.ts";
import { ThirdPartyApp } from "../support/third-party-app.ts";
import { launchBrowser, personAt, screenshot } from "./support/browser.ts";

/** A real browser goes from an app to the DIdP of one operator, to the gateway of another, and all the way back. */
const PORT = 18_960;
let a: Operator;
let b: Operator;
let browser: Browser;

beforeAll(async () => {
  a = await Operator.start(PORT, { TRUSTED_ISSUERS: JSON.stringify([`http://127.0.0.1:${PORT + 11}`]) });
  b = await Operator.start(PORT + 10, { EXTERNAL_GATEWAYS: JSON.stringify([await a.gatewayEntry()]) });
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  for (const operator of [a, b]) {
    await operator?.stop();
    operator?.remove();
  }
});

test("a person of the second operator chooses devices at the first one's gateway, and no page stops them", async () => {
  await b.ownedDevice(new Person({ login: "carol" }), "Window sill", a.gateway);
  const app = await ThirdPartyApp.register(a.gateway, "Window watch", "none", b.didp);
  const verifier = "v".repeat(43);
  const request = await app.request(verifier, ["read"]);
  const { page, context, complaints } = await personAt(browser);
  await context.route(`${app.redirectUri}**`, (route) => route.fulfill({ body: "back at the app" }));

  await page.goto(app.authorizationUrl(request).href);
  await page.getByRole("button", { name: "Log in with Demo login" }).click();
  await page.getByRole("button", { name: "Carol Calloway" }).click();
  await page.locator("button[name=decision][value=approve]").click();
  await page.getByRole("heading", { name: "What may Window watch see?" }).waitFor();
  expect(page.url().startsWith(`${a.gateway}/consent/`)).toBe(true);
  await page.getByText("Window sill").first().waitFor();
  await screenshot(page, "another-operator-selection");
  for (const box of await page.getByRole("checkbox").all()) await box.check();
  await page.getByRole("button", { name: "Share what is ticked" }).click();
  await page.getByText("back at the app").waitFor();

  // The strict client compares `state`, and `iss` with the second operator's issuer.
  const answer = oauth.validateAuthResponse(app.server, app.client, new URL(page.url()), request.state);
  expect((await app.exchange(answer, verifier)).accessToken).toMatch(/^[\w-]{60}$/);
  expect(complaints).toEqual([]);
});
