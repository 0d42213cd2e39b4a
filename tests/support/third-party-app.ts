import * as oauth from "oauth4webapi";
import type { Person, Ticks } from "../../cli/sim/person.ts";

/** What a token answer holds that tests use. */
export interface AppTokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** `ws://…/mqtt/{route}`. */
  readonly gatewayUri: string;
}

/** Locally everything is plain http on 127.0.0.1, which a strict client refuses unless told. */
const local = { [oauth.allowInsecureRequests]: true } as const;

/**
 * A third-party app as its developer would write it: a strict OAuth client that knows only the gateway's address.
 */
export class ThirdPartyApp {
  readonly server: oauth.AuthorizationServer;
  readonly client: oauth.Client;
  readonly gateway: string;
  readonly redirectUri: string;
  readonly #auth: oauth.ClientAuth;

  private constructor(
    server: oauth.AuthorizationServer,
    client: oauth.Client,
    gateway: string,
    redirectUri: string,
  ) {
    // A public client has no secret to show.
    const secret = client.client_secret;
    this.#auth = typeof secret === "string" ? oauth.ClientSecretBasic(secret) : oauth.None();
    this.server = server;
    this.client = client;
    this.gateway = gateway;
    this.redirectUri = redirectUri;
  }

  /**
   * From the gateway's address to a registered client (RFC 9728, RFC 8414, RFC 7591).
   * @param authMethod `none` for an app in a browser, else one with a server of its own.
   * @param wanted which of the gateway's issuers; the first if left out.
   */
  static async register(
    gateway: string,
    name: string,
    authMethod: "none" | "client_secret_basic" = "none",
    wanted?: string,
  ): Promise<ThirdPartyApp> {
    const resource = new URL(gateway);
    const described = await oauth.processResourceDiscoveryResponse(
      resource,
      await oauth.resourceDiscoveryRequest(resource, local),
    );
    const issuers = described.authorization_servers ?? [];
    const issuer = new URL(issuers.find((one) => wanted === undefined || one === wanted) ?? "");
    const server = await oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...local }),
    );
    const redirectUri = `http://127.0.0.1:9/${encodeURIComponent(name)}/callback`;
    const client = await oauth.processDynamicClientRegistrationResponse(
      await oauth.dynamicClientRegistrationRequest(
        server,
        { client_name: name, redirect_uris: [redirectUri], token_endpoint_auth_method: authMethod },
        local,
      ),
    );
    return new ThirdPartyApp(server, client, gateway, redirectUri);
  }

  /** The authorization request's address; `changes` replace or (with `undefined`) drop parameters. */
  authorizationUrl(parameters: Readonly<Record<string, string | undefined>>): URL {
    const url = new URL(this.server.authorization_endpoint ?? "");
    for (const [name, value] of Object.entries(parameters))
      if (value !== undefined) url.searchParams.set(name, value);
    return url;
  }

  /** The parameters of a proper request. */
  async request(
    verifier: string,
    actions: readonly string[] = ["read", "command"],
  ): Promise<Record<string, string>> {
    return {
      response_type: "code",
      client_id: this.client.client_id,
      redirect_uri: this.redirectUri,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state: oauth.generateRandomState(),
      resource: this.gateway,
      authorization_details: JSON.stringify([{ type: "iot_access", actions }]),
    };
  }

  /** Sends the person through consent and comes back with the code, checked. */
  async askFor(
    person: Person,
    ticks: { read?: Ticks; command?: Ticks } = {},
  ): Promise<{ callback: URLSearchParams; verifier: string }> {
    const verifier = oauth.generateRandomCodeVerifier();
    const request = await this.request(verifier);
    const url = this.authorizationUrl(await this.#pushed(request));
    const answer = await person.consent(url, this.redirectUri, ticks);
    const callback = oauth.validateAuthResponse(this.server, this.client, answer, request.state ?? "");
    return { callback, verifier };
  }

  /** An app with a credential hands its request in beforehand (RFC 9126). */
  async #pushed(request: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>> {
    if (this.client.client_secret === undefined) return request;
    const response = await oauth.pushedAuthorizationRequest(
      this.server,
      this.client,
      this.#auth,
      request,
      local,
    );
    const { request_uri } = await oauth.processPushedAuthorizationResponse(
      this.server,
      this.client,
      response,
    );
    return { client_id: this.client.client_id, request_uri };
  }

  async exchange(callback: URLSearchParams, verifier: string): Promise<AppTokens> {
    return this.#tokensFrom(
      await oauth.authorizationCodeGrantRequest(
        this.server,
        this.client,
        this.#auth,
        callback,
        this.redirectUri,
        verifier,
        local,
      ),
    );
  }

  /** The whole flow: consent, code, tokens. */
  async authorize(person: Person, ticks: { read?: Ticks; command?: Ticks } = {}): Promise<AppTokens> {
    const { callback, verifier } = await this.askFor(person, ticks);
    return this.exchange(callback, verifier);
  }

  async refresh(refreshToken: string): Promise<AppTokens> {
    return this.#tokensFrom(
      await oauth.refreshTokenGrantRequest(this.server, this.client, this.#auth, refreshToken, local),
    );
  }

  /** A token of the app's own, without any user (RFC 6749 §4.4). */
  async ownToken(): Promise<string> {
    const parameters = { scope: "rules", resource: this.gateway };
    const response = await oauth.clientCredentialsGrantRequest(
      this.server,
      this.client,
      this.#auth,
      parameters,
      local,
    );
    const answer = await oauth.processClientCredentialsResponse(this.server, this.client, response);
    return answer.access_token;
  }

  async revoke(token: string): Promise<void> {
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(this.server, this.client, this.#auth, token, local),
    );
  }

  async #tokensFrom(response: Response): Promise<AppTokens> {
    const tokens = await oauth.processGenericTokenEndpointResponse(this.server, this.client, response);
    return {
      accessToken: tokens.access_token,
      refreshToken: String(tokens.refresh_token),
      gatewayUri: String(tokens.gateway_uri),
    };
  }
}
