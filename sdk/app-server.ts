import * as oauth from "oauth4webapi";
import { ConsentError } from "./consent-error.ts";
import { type KeyValueStore, readJson } from "./key-value-store.ts";
import { type ProofKeyStore, proofKey } from "./proof-key.ts";

/** How the app presents itself, and where its browser keeps what it is known by. */
export interface AppServerOptions {
  /** The gateway's base URL; everything else is discovered from it. */
  readonly gateway: string;
  /** Exactly the page that the browser comes back to. */
  readonly redirectUri: string;
  /** What people read on the consent page. */
  readonly appName: string;
  /** Holds the app's own registration: `localStorage`, so that a browser registers once. */
  readonly clientStore: KeyValueStore;
  /** Holds the key that refresh tokens are bound to; not bound when absent. */
  readonly proofKeys?: ProofKeyStore;
  readonly fetch: typeof fetch;
}

/** The authorization server as this app knows it: what it offers, and who the app is there. */
export interface Registered {
  readonly server: oauth.AuthorizationServer;
  readonly client: oauth.Client;
}

/** The library's per-request options: whose fetch, whether plain HTTP will do, and a proof of the key. */
export type RequestOptions = Readonly<Record<symbol, unknown>> & { readonly DPoP?: oauth.DPoPHandle };

/**
 * From the gateway's address to a registered client that proves its key.
 * @see RFC 9728 resource metadata, RFC 8414 server metadata, RFC 7591 registration, RFC 9449 DPoP
 */
export class AppServer {
  /** The resource identifier (RFC 8707) as the gateway's metadata writes it: no slash after a bare origin. */
  readonly resource: string;
  /** For requests without a proof. */
  readonly http: Readonly<Record<symbol, unknown>>;
  readonly #options: AppServerOptions;
  #server: Promise<oauth.AuthorizationServer> | undefined;
  #proof: Promise<CryptoKeyPair | undefined> | undefined;

  constructor(options: AppServerOptions) {
    this.#options = options;
    const gateway = new URL(options.gateway);
    this.resource = gateway.pathname === "/" ? gateway.origin : gateway.href;
    this.http = {
      [oauth.customFetch]: (url: string, init: RequestInit) => options.fetch(url, init),
      [oauth.allowInsecureRequests]: isLoopback(gateway), // plain HTTP is for a platform on this very machine only
    };
  }

  /** Discovers and registers what is not known yet. */
  async registered(): Promise<Registered> {
    const server = await this.#discover();
    const known = readJson<{ client_id: string }>(this.#options.clientStore, this.#clientKey(server), [
      "client_id",
    ]);
    return { server, client: { client_id: known?.client_id ?? (await this.#register(server)) } };
  }

  /** The server no longer knows the app: the next `registered` registers anew. */
  forgetClient({ server }: Registered): void {
    this.#options.clientStore.removeItem(this.#clientKey(server));
  }

  /**
   * Proves the browser's key with the request, where the server takes proofs; once more when it wants its nonce in
   * the proof (RFC 9449 §8).
   */
  async withProof<T>(
    { server, client }: Registered,
    request: (options: RequestOptions) => Promise<T>,
  ): Promise<T> {
    const { proofKeys } = this.#options;
    const isTaken = server.dpop_signing_alg_values_supported?.includes("ES256") === true;
    if (proofKeys === undefined || !isTaken) return await request(this.http);
    this.#proof ??= proofKey(proofKeys);
    const pair = await this.#proof;
    if (pair === undefined) return await request(this.http);
    const bound = { ...this.http, DPoP: oauth.DPoP(client, pair) };
    try {
      return await request(bound);
    } catch (error) {
      if (!oauth.isDPoPNonceError(error)) throw error;
      return await request(bound);
    }
  }

  #discover(): Promise<oauth.AuthorizationServer> {
    this.#server ??= this.#readMetadata().catch((error: unknown) => {
      this.#server = undefined;
      throw error;
    });
    return this.#server;
  }

  async #readMetadata(): Promise<oauth.AuthorizationServer> {
    const gateway = new URL(this.#options.gateway);
    const resource = await oauth.processResourceDiscoveryResponse(
      gateway,
      await oauth.resourceDiscoveryRequest(gateway, this.http),
    );
    const [issuer] = resource.authorization_servers ?? [];
    if (issuer === undefined) throw new ConsentError("no_authorization_server");
    const url = new URL(issuer);
    const response = await oauth.discoveryRequest(url, { ...this.http, algorithm: "oauth2" });
    return await oauth.processDiscoveryResponse(url, response);
  }

  async #register(server: oauth.AuthorizationServer): Promise<string> {
    const { clientStore, appName, redirectUri } = this.#options;
    const response = await oauth.dynamicClientRegistrationRequest(
      server,
      {
        client_name: appName,
        redirect_uris: [redirectUri],
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
      },
      this.http,
    );
    const { client_id } = await oauth.processDynamicClientRegistrationResponse(response);
    clientStore.setItem(this.#clientKey(server), JSON.stringify({ client_id }));
    return client_id;
  }

  #clientKey({ issuer }: oauth.AuthorizationServer): string {
    return `edgenym.client ${issuer} ${this.#options.redirectUri}`;
  }
}

function isLoopback({ protocol, hostname }: URL): boolean {
  return protocol === "http:" && ["127.0.0.1", "[::1]", "localhost"].includes(hostname);
}
