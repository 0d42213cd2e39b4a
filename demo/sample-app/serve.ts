import { readFile } from "node:fs/promises";
import http from "node:http";
import { bundlePage } from "./build.ts";

/** Where to listen, and which platform the page is for. */
export interface SampleAppOptions {
  readonly port: number;
  /** The gateway's base URL: all that the app has to know of the platform. */
  readonly gateway: string;
  readonly fetch?: typeof fetch;
}

/** A running sample app. */
export interface SampleAppServer {
  readonly url: string;
  close(): Promise<void>;
}

interface Resource {
  readonly type: string;
  readonly body: Uint8Array;
}

/**
 * Serves the sample app as its developer would: five static files and the platform's address, under a policy that
 * lets the page talk to that platform and to nobody else.
 */
export async function serveSampleApp({
  port,
  gateway,
  fetch: ownFetch = fetch,
}: SampleAppOptions): Promise<SampleAppServer> {
  const resources = await loadResources(gateway);
  const policy = new ConnectPolicy(gateway, ownFetch);
  const server = http.createServer((request, response) => {
    answer(request, response, resources, policy).catch(() => {
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address();
  const boundPort = typeof address === "object" && address !== null ? address.port : port;
  return {
    url: `http://127.0.0.1:${boundPort}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function loadResources(gateway: string): Promise<ReadonlyMap<string, Resource>> {
  const index = await readFile(new URL("page/index.html", import.meta.url));
  const rule = await readFile(new URL("../occupancy/occupancy.siddhi", import.meta.url));
  const bundle = await bundlePage();
  return new Map<string, Resource>([
    ["/", { type: "text/html; charset=utf-8", body: index }],
    ["/main.js", { type: "text/javascript; charset=utf-8", body: bundle["main.js"] }],
    ["/main.css", { type: "text/css; charset=utf-8", body: bundle["main.css"] }],
    [
      "/config.json",
      { type: "application/json", body: new TextEncoder().encode(JSON.stringify({ gateway })) },
    ],
    // The rule that the app's maker offers to its users; whose clouds run it is not for the app to know.
    ["/occupancy.siddhi", { type: "text/plain; charset=utf-8", body: rule }],
  ]);
}

async function answer(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  resources: ReadonlyMap<string, Resource>,
  policy: ConnectPolicy,
): Promise<void> {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  const resource = resources.get(pathname);
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD" }).end();
    return;
  }
  if (resource === undefined) {
    response.writeHead(404, { "content-type": "text/plain; charset=utf-8" }).end("There is no such page.\n");
    return;
  }
  response.writeHead(200, {
    "content-type": resource.type,
    "content-length": resource.body.length,
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' data:",
      `connect-src 'self' ${(await policy.origins()).join(" ")}`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join("; "),
  });
  response.end(request.method === "HEAD" ? undefined : resource.body);
}

/** Whom the page may connect to: the gateway, and the authorization servers that the gateway names (RFC 9728). */
class ConnectPolicy {
  readonly #gateway: URL;
  readonly #fetch: typeof fetch;
  #known: readonly string[] | undefined;

  constructor(gateway: string, ownFetch: typeof fetch) {
    this.#gateway = new URL(gateway);
    this.#fetch = ownFetch;
  }

  async origins(): Promise<readonly string[]> {
    const { origin } = this.#gateway;
    this.#known ??= await this.#authorizationServers();
    return [origin, origin.replace(/^http/, "ws"), ...(this.#known ?? [])];
  }

  /** @returns `undefined` while the gateway does not answer; it is asked again for the next page. */
  async #authorizationServers(): Promise<readonly string[] | undefined> {
    try {
      const metadata = new URL("/.well-known/oauth-protected-resource", this.#gateway);
      const response = await this.#fetch(metadata, { signal: AbortSignal.timeout(3000) });
      const json: unknown = await response.json();
      const servers: unknown =
        typeof json === "object" && json !== null && Reflect.get(json, "authorization_servers");
      if (!Array.isArray(servers)) return undefined;
      return servers.filter((server) => typeof server === "string").map((server) => new URL(server).origin);
    } catch {
      return undefined;
    }
  }
}
