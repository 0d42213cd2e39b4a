import * as oauth from "oauth4webapi";
import type { AccessAction } from "../engines/oauth/authority.ts";
import { AppServer, type AppServerOptions, type Registered } from "./app-server.ts";
import { backoffMs } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import { ConsentError, errorCode, refusal } from "./consent-error.ts";
import type { Access } from "./device-authority.ts";
import { type KeyValueStore, readJson } from "./key-value-store.ts";
import { type Exclusively, exclusivelyBy } from "./tabs.ts";

/** Who the app is, and where its tokens live. */
export interface AppAuthorizationOptions extends AppServerOptions {
  /** Holds tokens: `localStorage`, so that all tabs have the same ones; refresh tokens are good for once only. */
  readonly tokenStore: KeyValueStore;
  /** Holds the question that this tab is away with; `tokenStore` when absent. */
  readonly tabStore?: KeyValueStore;
  /** Lets one tab at a time refresh; without it there is only one. */
  readonly exclusively?: Exclusively;
  /** Where whoever refreshes finds what the tab before left; `tokenStore` may be behind. */
  readonly sharedStore?: SharedStore;
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

/** Entries that every tab sees as soon as they are saved. */
export interface SharedStore {
  load(name: string): Promise<unknown>;
  save(name: string, value: unknown): Promise<void>;
}

interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly gatewayUri: string;
  readonly expiresAtMs: number;
  readonly renewAtMs: number;
}

/** The question that the browser is away with. */
interface Pending {
  readonly state: string;
  readonly verifier: string;
}

const PENDING_KEY = "edgenym.pending";
const SCOPES: Partial<Record<AccessAction, string>> = { read: "view:read", command: "view:control" };
/** After these the refresh token is worth nothing; anything else may pass. */
const FINAL_ERRORS = ["invalid_grant", "invalid_client", "unauthorized_client", "invalid_dpop_proof"];

/**
 * The OAuth half of an app in a browser: authorization code with PKCE (pushed where the server takes it), refresh,
 * revocation.
 *
 * @see IDENTITY.md §2.F; RFC 7636, 9126, 9207, 9396, 7009
 */
export class AppAuthorization {
  readonly #options: AppAuthorizationOptions;
  readonly #server: AppServer;
  readonly #tabStore: KeyValueStore;
  readonly #exclusively: Exclusively;
  /** One entry an app; also the name of the lock under which it is refreshed. */
  readonly #tokensKey: string;
  /** The last access token that this tab was given. */
  #given: string | undefined;

  constructor(options: AppAuthorizationOptions) {
    this.#options = options;
    this.#server = new AppServer(options);
    this.#tabStore = options.tabStore ?? options.tokenStore;
    this.#exclusively = options.exclusively ?? exclusivelyBy(undefined);
    this.#tokensKey = `edgenym.tokens ${this.#server.resource} ${options.redirectUri}`;
  }

  /** Whether there is a grant as far as this browser knows; the server may have ended it meanwhile. */
  get isGranted(): boolean {
    return this.#tokens() !== undefined;
  }

  /** @returns where to send the browser to ask its user. @throws ConsentError when the server refuses the request. */
  async begin(wish: AccessWish): Promise<URL> {
    const registered = await this.#server.registered();
    try {
      return await this.#authorizationUrl(registered, wish);
    } catch (error) {
      if (errorCode(error) !== "invalid_client") throw refusal(error);
      // The server no longer knows this registration: one new one, one more try.
      this.#server.forgetClient(registered);
      return await this.#authorizationUrl(await this.#server.registered(), wish);
    }
  }

  /**
   * Takes the answer out of the address that the browser came back to.
   * @returns whether `location` held an answer to our question.
   * @throws ConsentError when the answer is no, or is not the server's.
   */
  async complete(location: URL): Promise<boolean> {
    const { redirectUri } = this.#options;
    if (!location.searchParams.has("state")) return false;
    const pending = readJson<Pending>(this.#tabStore, PENDING_KEY, ["state", "verifier"]);
    if (pending === undefined) return false; // a reload of an answer that was already used
    this.#tabStore.removeItem(PENDING_KEY);
    try {
      const registered = await this.#server.registered();
      const { server, client } = registered;
      const answer = oauth.validateAuthResponse(server, client, location, pending.state);
      const tokens = await this.#server.withProof(registered, async (options) => {
        const response = await oauth.authorizationCodeGrantRequest(
          server,
          client,
          oauth.None(),
          answer,
          redirectUri,
          pending.verifier,
          { ...options, additionalParameters: { resource: this.#server.resource } },
        );
        return await oauth.processAuthorizationCodeResponse(server, client, response);
      });
      await this.#exclusively(this.#tokensKey, () => this.#keep(tokens));
      return true;
    } catch (error) {
      throw refusal(error);
    }
  }

  /**
   * An access token that is good for now; refreshed when due, by one tab for all.
   * @param options `refused`: the gateway did not take the last one.
   * @returns `undefined` when there is no grant (any more) or `signal` aborted.
   */
  async access(signal: AbortSignal, { refused = false } = {}): Promise<Access | undefined> {
    const { clock, random } = this.#options;
    for (let failures = 0; !signal.aborted; failures += 1) {
      const tokens = this.#tokens();
      if (tokens === undefined) return undefined;
      // What another tab got meanwhile was refused to nobody.
      if (this.#given !== undefined && tokens.accessToken !== this.#given) refused = false;
      if (!refused && clock.now() < tokens.renewAtMs) return this.#give(tokens);
      const refreshed = await this.#exclusively(this.#tokensKey, () => this.#refresh(tokens.refreshToken));
      if (refreshed === "ended") return undefined;
      if (refreshed === "done") {
        refused = false;
        continue;
      }
      if (!refused && clock.now() < tokens.expiresAtMs - 5000) return this.#give(tokens, clock.now() + 5000);
      await clock.sleep(backoffMs(failures, random(), { capMs: 60_000 }), signal);
    }
    return undefined;
  }

  /** Ends the grant at the server and forgets it here, also when the server cannot be reached. */
  async revoke(): Promise<void> {
    // Under the lock, so that no other tab's refresh brings the tokens back.
    const tokens = await this.#exclusively(this.#tokensKey, async () => {
      const known = this.#tokens();
      await this.#forget();
      return known;
    });
    if (tokens === undefined) return;
    const { server, client } = await this.#server.registered();
    const response = await oauth.revocationRequest(server, client, oauth.None(), tokens.refreshToken, {
      ...this.#server.http,
      additionalParameters: { token_type_hint: "refresh_token" },
    });
    await oauth.processRevocationResponse(response);
  }

  async #authorizationUrl(registered: Registered, wish: AccessWish): Promise<URL> {
    const { server, client } = registered;
    const pending: Pending = {
      state: oauth.generateRandomState(),
      verifier: oauth.generateRandomCodeVerifier(),
    };
    const parameters = new URLSearchParams({
      response_type: "code",
      client_id: client.client_id,
      redirect_uri: this.#options.redirectUri,
      code_challenge: await oauth.calculatePKCECodeChallenge(pending.verifier),
      code_challenge_method: "S256",
      state: pending.state,
      resource: this.#server.resource,
      scope: wish.actions.flatMap((action) => SCOPES[action] ?? []).join(" "),
      authorization_details: JSON.stringify([{ type: "iot_access", granularity: "raw", ...wish }]),
    });
    this.#tabStore.setItem(PENDING_KEY, JSON.stringify(pending));

    if (server.authorization_endpoint === undefined) throw new ConsentError("no_authorization_endpoint");
    const url = new URL(server.authorization_endpoint);
    if (server.pushed_authorization_request_endpoint === undefined) {
      url.search = parameters.toString();
      return url;
    }
    const { request_uri } = await this.#server.withProof(registered, async (options) => {
      const response = await oauth.pushedAuthorizationRequest(
        server,
        client,
        oauth.None(),
        parameters,
        options,
      );
      return await oauth.processPushedAuthorizationResponse(server, client, response);
    });
    url.search = new URLSearchParams({ client_id: client.client_id, request_uri }).toString();
    return url;
  }

  #give({ accessToken, gatewayUri, expiresAtMs, renewAtMs }: Tokens, renewLaterAtMs = renewAtMs): Access {
    this.#given = accessToken;
    return { token: accessToken, gatewayUri, expiresAtMs, renewAtMs: renewLaterAtMs };
  }

  /** Under the lock: whoever waited for it may find that all is done. */
  async #refresh(refreshToken: string): Promise<"done" | "ended" | "unavailable"> {
    const newest = (await this.#newest()) ?? this.#tokens();
    if (newest === undefined) return "ended";
    if (newest.refreshToken !== refreshToken) {
      this.#options.tokenStore.setItem(this.#tokensKey, JSON.stringify(newest));
      return "done";
    }
    let registered: Registered | undefined;
    try {
      registered = await this.#server.registered();
      const { server, client } = registered;
      const answer = await this.#server.withProof(registered, async (options) => {
        const response = await oauth.refreshTokenGrantRequest(
          server,
          client,
          oauth.None(),
          refreshToken,
          options,
        );
        return await oauth.processRefreshTokenResponse(server, client, response);
      });
      await this.#keep(answer, refreshToken);
      return "done";
    } catch (error) {
      const code = errorCode(error) ?? "";
      if (!FINAL_ERRORS.includes(code)) return "unavailable";
      if (code === "invalid_client" && registered !== undefined) this.#server.forgetClient(registered);
      await this.#forget();
      return "ended";
    }
  }

  async #keep(answer: oauth.TokenEndpointResponse, knownRefreshToken?: string): Promise<void> {
    const refreshToken = answer.refresh_token ?? knownRefreshToken;
    const { access_token: accessToken, gateway_uri: gatewayUri, expires_in: lifeSeconds = 60 } = answer;
    if (refreshToken === undefined || typeof gatewayUri !== "string")
      throw new ConsentError("incomplete_answer");
    const expiresAtMs = this.#options.clock.now() + lifeSeconds * 1000;
    const renewAtMs = expiresAtMs - Math.min(60_000, lifeSeconds * 200) * (1 + this.#options.random());
    const tokens: Tokens = { accessToken, refreshToken, gatewayUri, expiresAtMs, renewAtMs };
    this.#options.tokenStore.setItem(this.#tokensKey, JSON.stringify(tokens));
    await this.#share(tokens);
  }

  async #forget(): Promise<void> {
    this.#options.tokenStore.removeItem(this.#tokensKey);
    await this.#share(undefined);
  }

  /** A window without a place for it (some private ones) is a tab of its own. */
  async #share(tokens: Tokens | undefined): Promise<void> {
    await this.#options.sharedStore?.save(this.#tokensKey, tokens).catch(() => undefined);
  }

  async #newest(): Promise<Tokens | undefined> {
    const found = await this.#options.sharedStore?.load(this.#tokensKey).catch(() => undefined);
    return found as Tokens | undefined; // nothing else is ever saved under this name
  }

  #tokens(): Tokens | undefined {
    return readJson<Tokens>(this.#options.tokenStore, this.#tokensKey, [
      "accessToken",
      "refreshToken",
      "gatewayUri",
    ]);
  }
}
