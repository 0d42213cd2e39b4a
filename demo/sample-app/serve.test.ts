import { afterEach, beforeEach, expect, test } from "vitest";
import { type SampleAppServer, serveSampleApp } from "./serve.ts";

const gateway = "http://127.0.0.1:19487";
const didp = "http://127.0.0.1:19488";
let server: SampleAppServer;
let isUp: boolean;
beforeEach(async () => {
  isUp = true;
  server = await serveSampleApp({
    port: 0,
    gateway,
    fetch: async () => {
      if (!isUp) throw new TypeError("connection refused");
      return Response.json({ resource: gateway, authorization_servers: [`${didp}/`] });
    },
  });
});
afterEach(() => server.close());

const directive = (response: Response, name: string) =>
  (response.headers.get("content-security-policy") ?? "")
    .split("; ")
    .find((entry) => entry.startsWith(`${name} `))
    ?.slice(name.length + 1);

test("the page, its script, its style and the platform's address are served", async () => {
  for (const [path, type] of [
    ["/", "text/html"],
    ["/?code=c&state=s", "text/html"],
    ["/main.js", "text/javascript"],
    ["/main.css", "text/css"],
    ["/config.json", "application/json"],
    ["/occupancy.siddhi", "text/plain"],
  ] as const) {
    const response = await fetch(`${server.url}${path}`);
    expect([path, response.status, response.headers.get("content-type")]).toEqual([
      path,
      200,
      expect.stringContaining(type),
    ]);
    expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(30);
  }
  expect(await (await fetch(`${server.url}/config.json`)).json()).toEqual({ gateway });
});

test("the page has no inline script or style, and may talk to the platform and to nobody else", async () => {
  const response = await fetch(server.url);
  expect(directive(response, "connect-src")).toBe(`'self' ${gateway} ws://127.0.0.1:19487 ${didp}`);
  expect(directive(response, "script-src")).toBe("'self'");
  expect(directive(response, "default-src")).toBe("'none'");
  const html = await response.text();
  expect(html).not.toMatch(/<script(?![^>]*src=)|<style|\son\w+=|style=/);
});

test("while the gateway is away the page is served, and its authorization server is asked for again", async () => {
  isUp = false;
  expect(directive(await fetch(server.url), "connect-src")).toBe(`'self' ${gateway} ws://127.0.0.1:19487`);
  isUp = true;
  expect(directive(await fetch(server.url), "connect-src")).toContain(didp);
});

test("anything else is 404 or 405, also paths that climb", async () => {
  for (const path of ["/index.html", "/serve.ts", "/..%2fserve.ts", "/page/main.ts"]) {
    expect((await fetch(`${server.url}${path}`)).status).toBe(404);
  }
  expect((await fetch(server.url, { method: "POST", body: "x" })).status).toBe(405);
});
