import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchBrowser } from "../e2e/support/browser.ts";
import { StrictApp } from "../identity/support/app.ts";
import { type Platform, startPlatform } from "../identity/support/platform.ts";
import { craft, PERSISTENT, requestIdIn, sign } from "./support/crafted-response.ts";
import { TestKeys } from "./support/keys.ts";
import { startLyingProvider } from "./support/lying-provider.ts";

const PORT = 18730;
const chromium = process.env.CHROMIUM ?? "/usr/bin/chromium";
const isThere = existsSync(chromium);
if (!isThere) console.warn("SKIPPED: logins in a real browser (missing: apt-get install chromium)");

/** Where the SAML provider is: another site than 127.0.0.1, as a browser sees it. */
const IDP = `http://localhost:${PORT + 5}`;

describe.skipIf(!isThere)("in a real browser", () => {
  const keys = new TestKeys();
  let platform: Platform;
  let provider: Server;
  let oidc: Awaited<ReturnType<typeof startLyingProvider>>;
  let browser: Browser;

  beforeAll(async () => {
    keys.selfSigned("idp", "idp.canary.example");
    oidc = await startLyingProvider(PORT + 6, "browser-canary");
    const client = { client_id: "didp", client_secret: "a-secret-of-this-test-only" };
    platform = await startPlatform(PORT, {
      UIDPS: JSON.stringify([
        {
          id: "uni",
          name: "University",
          protocol: "saml",
          entity_id: IDP,
          sso_url: `${IDP}/sso`,
          certificates: [keys.read("idp.crt")],
        },
        {
          id: "work",
          name: "Work account",
          protocol: "oidc",
          issuer: oidc.issuer,
          ...client,
          allow_insecure_issuer: true,
        },
        {
          id: "office",
          name: "Office directory",
          protocol: "ldap",
          url: "ldaps://localhost:1",
          base_dn: "dc=x",
          login_attribute: "uid",
        },
      ]),
    });
    provider = await startPostingProvider();
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await platform?.stop();
    await oidc?.stop();
    provider?.closeAllConnections();
    await new Promise((resolve) => provider?.close(resolve) ?? resolve(undefined));
    keys.remove();
  });

  /** Posts its answer from a page of its own, as identity providers do. */
  function startPostingProvider(): Promise<Server> {
    const server = createServer((request, response) => {
      const url = new URL(request.url ?? "/", IDP);
      if (url.pathname !== "/sso") return response.writeHead(404).end();
      const [acs, now] = [`${platform.didp}/saml/acs`, Date.now()];
      const xml = craft({
        destination: acs,
        issuer: IDP,
        inResponseTo: requestIdIn(url.href),
        audience: `${platform.didp}/saml/metadata`,
        recipient: acs,
        nameId: "browser-canary-id",
        nameIdFormat: PERSISTENT,
        nameIdAttributes: "",
        notBefore: new Date(now - 60_000),
        notOnOrAfter: new Date(now + 300_000),
        method: "urn:oasis:names:tc:SAML:2.0:cm:bearer",
        status: "urn:oasis:names:tc:SAML:2.0:status:Success",
      });
      const answer = Buffer.from(sign(xml, keys.read("idp.key"))).toString("base64");
      response.setHeader("content-type", "text/html").end(
        `<title>Provider</title><form method="post" action="${acs}">
          <input type="hidden" name="SAMLResponse" value="${answer}">
          <input type="hidden" name="RelayState" value="${url.searchParams.get("RelayState")}">
          <button>Send</button></form>`,
      );
    });
    return new Promise((resolve) => server.listen(PORT + 5, "localhost", () => resolve(server)));
  }

  test.each([true, false])(
    "a SAML answer posted from another site ends in the session it was begun in (JavaScript: %s)",
    async (javaScriptEnabled) => {
      const context = await browser.newContext({ javaScriptEnabled });
      const page = await context.newPage();
      await page.goto(`${platform.didp}/me/account`);
      await page.getByRole("button", { name: "Log in with University" }).click();
      await page.getByRole("button", { name: "Send" }).click();
      if (!javaScriptEnabled) await page.getByRole("button", { name: "Go on" }).click();
      await page.getByRole("heading", { name: "My account" }).waitFor();
      expect(new URL(page.url()).pathname).toBe("/me/account");
      await context.close();
    },
  );

  test("a login is added from the account page, past its content security policy", async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${platform.didp}/login/uni?to=/me/account`);
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("button", { name: "Add Work account" }).click();
    await page.getByText("The login was added.").waitFor();
    await context.close();
  });

  test("the pages have no accessibility violation, in light and dark", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      const context = await browser.newContext({ colorScheme });
      const page = await context.newPage();
      const check = async () => {
        const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
        const { violations } = await new AxeBuilder({ page }).withTags(tags).analyze();
        expect(violations.map(({ id }) => id)).toEqual([]);
      };
      await page.goto(`${platform.didp}/recover`);
      await check();
      await page.goto(`${platform.didp}/login/office`);
      await check();
      await page.goto(`${platform.didp}/login/uni?to=/me/account`);
      await page.getByRole("button", { name: "Send" }).click();
      await page.getByRole("heading", { name: "My account" }).waitFor();
      await check();
      await page.getByRole("button", { name: "Make new recovery codes" }).click();
      await page.getByRole("heading", { name: "Your recovery codes" }).waitFor();
      await check();
      await page.goto(`${platform.didp}/me/account`);
      await platform.ageLogins(6 * 60_000);
      await page.getByRole("button", { name: "Make new recovery codes" }).click();
      await page.getByRole("heading", { name: "Is it still you?" }).waitFor();
      await check();
      const app = await StrictApp.register(platform, { redirect_uris: ["https://app.example/cb"] });
      const wrong = await app.begin({ redirect_uri: "https://app.example/cb", response_type: "token" });
      await page.goto(wrong.url.href);
      await page
        .getByRole("heading", { name: "This app asked for something that is not possible" })
        .waitFor();
      await check();
      await context.close();
    }
  });

  test("names that others chose break, and no page scrolls sideways at 320 px (WCAG 2.2 §1.4.10)", async () => {
    const context = await browser.newContext({ viewport: { width: 320, height: 700 } });
    const page = await context.newPage();
    const check = async (heading: RegExp) => {
      await page.getByRole("heading", { name: heading, level: 1 }).waitFor();
      const wide = await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth",
      );
      expect(wide, heading.source).toBe(0);
    };
    await page.goto(`${platform.didp}/login/uni?to=/me/account`);
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("heading", { name: "My account" }).waitFor();
    const redirect_uri = `https://${"a-long-name-".repeat(5)}x.example/cb`;
    const app = await StrictApp.register(platform, {
      client_name: "Unbroken".repeat(10),
      redirect_uris: [redirect_uri],
    });
    const open = async (changes: Readonly<Record<string, string>>) =>
      page.goto((await app.begin({ redirect_uri, ...changes })).url.href);
    await open({});
    await check(/asks for access/);
    await open({ prompt: "login" });
    await check(/Is it still you/);
    await open({ response_type: "token" });
    await check(/not possible/);
    await context.close();
  });
});
