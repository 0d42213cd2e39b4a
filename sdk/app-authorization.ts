import * as oauth from "oauth4webapi";
import type { AccessAction } from "../engines/oauth/authority.ts";
import { backoffMs } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { Access } from "./device-authority.ts";
import { type ProofKeyStore, proofKey } from "./proof-key.ts";

/** The two verbs of `Storage` that the SDK needs, and one to forget. */
export type KeyValueStore = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export interface AppAuthorizationOptions {
  /** The gateway's base URL; everything else is discovered from it. */
  readonly gateway: string;
  /** Exactly the page that the browser comes back to. */
  readonly redirectUri: string;
  /** What people read on the consent page. */
  readonly appName: string;
  /** Holds tokens: `sessionStorage`, so that they end with the tab. */
  readonly tokenStore: KeyValueStore;
  /** Holds the app's own registration: `localStorage`, so that a browser registers once. */
  readonly clientStore: KeyValueStore;
  /** Holds the key that refresh tokens are bound to; not bound when absent. */
  readonly proofKeys?: ProofKeyStore;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  /** 0 ≤ x < 1, for back-off. */
  readonly random: () => number;
}

/** What the app asks its user for (RFC 9396 `iot_access`; IDENTITY.md §2.F step 2). */
export interface AccessWish {
  readonly actions: readonly AccessAction[];
  /** Properties, such as `temperature`; all when absent. */
  readonly kinds?: readonly string[];
  /** Why, in the user's words; shown on the consent page. */
  readonly purpose?: string;
  /** ISO 8601, such as `P30D`. */
  readonly duration?: string;
}

/** The user or the DIdP said no; `code` is the OAuth error code. */
export class ConsentError extends Error {
  override readonly name = "ConsentError";
  readonly code: string;

  constructor(code: string, options?: ErrorOptions) {
    super(`no access: ${code}`, options);
    this.code = code;
  }
}

interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly gatewayUri: string;
  readonly expiresAtMs: number;
  readonly renewAtMs: number;
}

const SCOPES: Partial<Record<AccessAction, string>> = { read: "view:read", command: "view:control" };

/**
 * The OAuth half of an app in a browser: discovery from the gateway's address, registration once, authorization code
 * with PKCE (pushed where the server takes it), refresh, revocation.
 *
 * @see IDENTITY.md §2.F; RFC 9728, 8414, 7591, 7636, 9126, 9207, 7009
 */
export class AppAuthorization {
  readonly #options: AppAuthorizationOptions;
  /** The library's per-request options: whose fetch, and whether plain HTTP will do. */
  readonly #http: Readonly<Record<symbol, unknown>>;
  #server: Promise<oauth.AuthorizationServer> | undefined;
  #proof: Promise<CryptoKeyPair | undefined> | undefined;

  constructor(options: AppAuthorizationOptions) {
    this.#options = options;
    // Plain HTTP is for a platform on this very machine only.
    const allowInsecure = isLoopback(new URL(options.gateway));
    this.#http = {
      [oauth.customFetch]: (url: string, init: RequestInit) => options.fetch(url, init),
      [oauth.allowInsecureRequests]: allowInsecure,
    };
  }

  /** Whether there is a grant as far as this browser knows; the server may have ended it meanwhile. */
  get isGranted(): boolean {
    return this.#tokens() !== undefined;
  }

  /** @returns where to send the browser to ask its user. */
  async begin(wish: AccessWish): Promise<URL> {
    const server = await this.#discover();
    const client = await this.#register(server);
    try {
      return await this.#authorizationUrl(server, client, wish);
    } catch (error) {
      if (errorCode(error) !== "invalid_client") throw refusal(error);
      // The server no longer knows this registration: one new one, one more try.
      this.#options.clientStore.removeItem(this.#clientKey(server));
      return await this.#authorizationUrl(server, await this.#register(server), wish);
    }
  }

  /**
   * Takes the answer out of the address that the browser came back to.
   * @returns whether `location` held an answer at all.
   * @throws ConsentError when the answer is no, or not an answer to our question.
   */
  async complete(location: URL): Promise<boolean> {
    if (!location.searchParams.has("state")) return false;
    const pending = readJson<{ state: string; verifier: string }>(this.#options.tokenStore, PENDING_KEY, [
      "state",
      "verifier",
    ]);
    if (pending === undefined) return false; // a reload of an answer that was already used
    this.#options.tokenStore.removeItem(PENDING_KEY);
    const server = await this.#discover();
    const client = await this.#register(server);
    try {
      const answer = oauth.validateAuthResponse(server, client, location, pending.state);
      this.#keep(
        await this.#withProof(server, client, async (bound) => {
          const response = await oauth.authorizationCodeGrantRequest(
            server,
            client,
            oauth.None(),
            answer,
            this.#options.redirectUri,
            pending.verifier,
            { ...bound, additionalParameters: { resource: this.#resource() } },
          );
          return await oauth.processAuthorizationCodeResponse(server, client, response);
        }),
      );
      return true;
    } catch (error) {
      throw refusal(error);
    }
  }

  /**
   * An access token that is good for now; refreshed when due.
   * @returns `undefined` when there is no grant (any more) or `signal` aborted.
   */
  async access(signal: AbortSignal, { refused = false } = {}): Promise<Access | undefined> {
    const { clock, random } = this.#options;
    for (let failures = 0; !signal.aborted; failures += 1) {
      const tokens = this.#tokens();
      if (tokens === undefined) return undefined;
      if (!refused && clock.now() < tokens.renewAtMs) return accessOf(tokens);
      try {
        const server = await this.#discover();
        const client = await this.#register(server);
        const { refreshToken } = tokens;
        const answer = await this.#withProof(server, client, async (bound) => {
          const response = await oauth.refreshTokenGrantRequest(
            server,
            client,
            oauth.None(),
            refreshToken,
            bound,
          );
          return await oauth.processRefreshTokenResponse(server, client, response);
        });
        this.#keep(answer, refreshToken);
        refused = false;
      } catch (error) {
        if (isFinal(errorCode(error))) {
          this.#options.tokenStore.removeItem(TOKENS_KEY);
          return undefined;
        }
        if (!refused && clock.now() < tokens.expiresAtMs - 5000) return accessOf(tokens, clock.now() + 5000);
        await clock.sleep(backoffMs(failures, random(), { capMs: 60_000 }), signal);
      }
    }
    return undefined;
  }

  /** Ends the grant at the server and forgets it here, also when the server cannot be reached. */
  async revoke(): Promise<void> {
    const tokens = this.#tokens();
    this.#options.tokenStore.removeItem(TOKENS_KEY);
    if (tokens === undefined) return;
    const server = await this.#discover();
    const client = await this.#register(server);
    const response = await oauth.revocationRequest(server, client, oauth.None(), tokens.refreshToken, {
      ...this.#http,
      additionalParameters: { token_type_hint: "refresh_token" },
    });
    await oauth.processRevocationResponse(response);
  }

  async #authorizationUrl(
    server: oauth.AuthorizationServer,
    client: oauth.Client,
    wish: AccessWish,
  ): Promise<URL> {
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const parameters = new URLSearchParams({
      response_type: "code",
      client_id: client.client_id,
      redirect_uri: this.#options.redirectUri,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state,
      resource: this.#resource(),
      scope: wish.actions
        .map((action) => SCOPES[action])
        .filter((scope) => scope !== undefined)
        .join(" "),
      authorization_details: JSON.stringify([{ type: "iot_access", granularity: "raw", ...wish }]),
    });
    this.#options.tokenStore.setItem(PENDING_KEY, JSON.stringify({ state, verifier }));

    const url = new URL(endpoint(server.authorization_endpoint, "authorization_endpoint"));
    if (server.pushed_authorization_request_endpoint === undefined) {
      url.search = parameters.toString();
      return url;
    }
    const pushed = await this.#withProof(server, client, async (bound) => {
      const response = await oauth.pushedAuthorizationRequest(
        server,
        client,
        oauth.None(),
        parameters,
        bound,
      );
      return await oauth.processPushedAuthorizationResponse(server, client, response);
    });
    url.search = new URLSearchParams({
      client_id: client.client_id,
      request_uri: pushed.request_uri,
    }).toString();
    return url;
  }

  /**
   * Proves the browser's key with the request, where the server takes proofs; once more when it wants its nonce in
   * the proof (RFC 9449 §8).
   */
  async #withProof<T>(
    server: oauth.AuthorizationServer,
    client: oauth.Client,
    request: (
      options: Readonly<Record<symbol, unknown>> & { readonly DPoP?: oauth.DPoPHandle },
    ) => Promise<T>,
  ): Promise<T> {
    const { proofKeys } = this.#options;
    const isTaken = server.dpop_signing_alg_values_supported?.includes("ES256") === true;
    if (proofKeys === undefined || !isTaken) return await request(this.#http);
    this.#proof ??= proofKey(proofKeys);
    const pair = await this.#proof;
    if (pair === undefined) return await request(this.#http);
    const bound = { ...this.#http, DPoP: oauth.DPoP(client, pair) };
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
      await oauth.resourceDiscoveryRequest(gateway, this.#http),
    );
    const [issuer] = resource.authorization_servers ?? [];
    if (issuer === undefined) throw new ConsentError("no_authorization_server");
    const url = new URL(issuer);
    const response = await oauth.discoveryRequest(url, { ...this.#http, algorithm: "oauth2" });
    return await oauth.processDiscoveryResponse(url, response);
  }

  async #register(server: oauth.AuthorizationServer): Promise<oauth.Client> {
    const { clientStore, appName, redirectUri } = this.#options;
    const known = readJson<{ client_id: string }>(clientStore, this.#clientKey(server), ["client_id"]);
    if (known !== undefined) return { client_id: known.client_id };
    const response = await oauth.dynamicClientRegistrationRequest(
      server,
      {
        client_name: appName,
        redirect_uris: [redirectUri],
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
      },
      this.#http,
    );
    const { client_id } = await oauth.processDynamicClientRegistrationResponse(response);
    clientStore.setItem(this.#clientKey(server), JSON.stringify({ client_id }));
    return { client_id };
  }

  #keep(answer: oauth.TokenEndpointResponse, knownRefreshToken?: string): void {
    const refreshToken = answer.refresh_token ?? knownRefreshToken;
    const { gateway_uri: gatewayUri, expires_in: expiresIn = 60 } = answer;
    if (refreshToken === undefined || typeof gatewayUri !== "string")
      throw new ConsentError("incomplete_answer");
    const expiresAtMs = this.#options.clock.now() + expiresIn * 1000;
    const tokens: Tokens = {
      accessToken: answer.access_token,
      refreshToken,
      gatewayUri,
      expiresAtMs,
      renewAtMs: expiresAtMs - Math.min(60_000, expiresIn * 200) * (1 + this.#options.random()),
    };
    this.#options.tokenStore.setItem(TOKENS_KEY, JSON.stringify(tokens));
  }

  #tokens(): Tokens | undefined {
    return readJson<Tokens>(this.#options.tokenStore, TOKENS_KEY, [
      "accessToken",
      "refreshToken",
      "gatewayUri",
    ]);
  }

  #clientKey({ issuer }: oauth.AuthorizationServer): string {
    return `edgenym.client ${issuer} ${this.#options.redirectUri}`;
  }

  /** The resource identifier (RFC 8707) as the gateway's metadata writes it: no slash after a bare origin. */
  #resource(): string {
    const { href, pathname, origin } = new URL(this.#options.gateway);
    return pathname === "/" ? origin : href;
  }
}

const PENDING_KEY = "edgenym.pending";
const TOKENS_KEY = "edgenym.tokens";

function accessOf(
  { accessToken, gatewayUri, expiresAtMs, renewAtMs }: Tokens,
  renewLaterAtMs = renewAtMs,
): Access {
  return { token: accessToken, gatewayUri, expiresAtMs, renewAtMs: renewLaterAtMs };
}

function errorCode(error: unknown): string | undefined {
  if (error instanceof oauth.ResponseBodyError || error instanceof oauth.AuthorizationResponseError)
    return error.error;
  return error instanceof ConsentError ? error.code : undefined;
}

/** After these the refresh token is worth nothing; anything else may pass. */
function isFinal(code: string | undefined): boolean {
  return ["invalid_grant", "invalid_client", "unauthorized_client", "invalid_dpop_proof"].includes(
    code ?? "",
  );
}

function refusal(error: unknown): ConsentError {
  if (error instanceof ConsentError) return error;
  return new ConsentError(errorCode(error) ?? "invalid_answer", { cause: error });
}

function endpoint(url: string | undefined, name: string): string {
  if (url === undefined) throw new ConsentError(`no_${name}`);
  return url;
}

/** @returns `undefined` unless the entry is an object whose `required` fields are strings. */
function readJson<T>(
  store: KeyValueStore,
  key: string,
  required: readonly (keyof T & string)[],
): T | undefined {
  try {
    const json: unknown = JSON.parse(store.getItem(key) ?? "null");
    if (typeof json !== "object" || json === null) return undefined;
    if (required.some((field) => typeof Reflect.get(json, field) !== "string")) return undefined;
    return json as T; // written by this class, and its text fields were just checked
  } catch {
    return undefined;
  }
}

function isLoopback({ protocol, hostname }: URL): boolean {
  return protocol === "http:" && ["127.0.0.1", "[::1]", "localhost"].includes(hostname);
}
