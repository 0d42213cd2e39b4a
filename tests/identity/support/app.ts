import * as oauth from "oauth4webapi";
import type { Platform } from "./platform.ts";

export const REDIRECT_URI = "http://127.0.0.1:9/callback";
export const insecure = { [oauth.allowInsecureRequests]: true } as const;

/** An app built on an unmodified, strict OAuth client. */
export class StrictApp {
  readonly server: oauth.AuthorizationServer;
  readonly client: oauth.Client;
  readonly #auth: oauth.ClientAuth;
  /** Set to prove a key with every request. */
  dpop: CryptoKeyPair | undefined;

  constructor(server: oauth.AuthorizationServer, client: oauth.Client, auth: oauth.ClientAuth) {
    this.server = server;
    this.client = client;
    this.#auth = auth;
  }

  /** Discovers the server and registers. */
  static async register(
    platform: Platform,
    metadata: Readonly<Record<string, oauth.JsonValue>> = {},
    privateKey?: CryptoKey,
  ): Promise<StrictApp> {
    const issuer = new URL(platform.didp);
    const discovered = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...insecure });
    const server = await oauth.processDiscoveryResponse(issuer, discovered);
    const response = await oauth.dynamicClientRegistrationRequest(
      server,
      {
        client_name: "Room chart",
        redirect_uris: [REDIRECT_URI],
        token_endpoint_auth_method: "none",
        ...metadata,
      },
      insecure,
    );
    const client = await oauth.processDynamicClientRegistrationResponse(response);
    const secret = client.client_secret;
    if (privateKey !== undefined) return new StrictApp(server, client, oauth.PrivateKeyJwt(privateKey));
    const auth = typeof secret === "string" ? oauth.ClientSecretBasic(secret) : oauth.None();
    return new StrictApp(server, client, auth);
  }

  /** A request URL with everything right; `changes` make it wrong (an empty value removes). */
  async begin(
    changes: Readonly<Record<string, string>> = {},
  ): Promise<{ url: URL; verifier: string; state: string }> {
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const url = new URL(this.server.authorization_endpoint ?? "");
    const parameters: Record<string, string> = {
      client_id: this.client.client_id,
      redirect_uri: REDIRECT_URI,
      response_type: "code",
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state,
      authorization_details: JSON.stringify([
        { type: "iot_access", actions: ["read", "command"], purpose: "A chart" },
      ]),
      ...changes,
    };
    for (const [name, value] of Object.entries(parameters))
      if (value !== "") url.searchParams.set(name, value);
    return { url, verifier, state };
  }

  /** The same by a pushed request. */
  async push(
    changes: Readonly<Record<string, string>> = {},
  ): Promise<{ url: URL; verifier: string; state: string }> {
    const begun = await this.begin(changes);
    const response = await oauth.pushedAuthorizationRequest(
      this.server,
      this.client,
      this.#auth,
      begun.url.searchParams,
      this.#options,
    );
    const pushed = await oauth.processPushedAuthorizationResponse(this.server, this.client, response);
    const url = new URL(this.server.authorization_endpoint ?? "");
    url.searchParams.set("client_id", this.client.client_id);
    url.searchParams.set("request_uri", pushed.request_uri);
    return { ...begun, url };
  }

  /** Checks the redirect (state, `iss`) and trades the code. */
  async exchange(
    callback: URL,
    begun: { verifier: string; state: string },
  ): Promise<oauth.TokenEndpointResponse> {
    const parameters = oauth.validateAuthResponse(this.server, this.client, callback, begun.state);
    const response = await oauth.authorizationCodeGrantRequest(
      this.server,
      this.client,
      this.#auth,
      parameters,
      REDIRECT_URI,
      begun.verifier,
      this.#options,
    );
    return oauth.processAuthorizationCodeResponse(this.server, this.client, response);
  }

  async refresh(refreshToken: string): Promise<oauth.TokenEndpointResponse> {
    const response = await oauth.refreshTokenGrantRequest(
      this.server,
      this.client,
      this.#auth,
      refreshToken,
      this.#options,
    );
    return oauth.processRefreshTokenResponse(this.server, this.client, response);
  }

  get #options() {
    return { ...insecure, ...(this.dpop === undefined ? {} : { DPoP: oauth.DPoP(this.client, this.dpop) }) };
  }

  /** A token of the app's own for a gateway (RFC 6749 §4.4). */
  async ownToken(gateway: string): Promise<string> {
    const response = await oauth.clientCredentialsGrantRequest(
      this.server,
      this.client,
      this.#auth,
      { resource: gateway },
      this.#options,
    );
    return (await oauth.processClientCredentialsResponse(this.server, this.client, response)).access_token;
  }

  async revoke(token: string): Promise<void> {
    const response = await oauth.revocationRequest(this.server, this.client, this.#auth, token, insecure);
    await oauth.processRevocationResponse(response);
  }
}
