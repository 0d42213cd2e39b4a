import * as oauth from "oauth4webapi";
import { CodedError } from "../../../engines/errors/coded-error.ts";
import { base64url } from "../../../engines/oauth/base64url.ts";
import { challengeOf } from "../../../engines/oauth/pkce.ts";
import type { Config, Uidp } from "./config.ts";

/**
 * Login at an OpenID provider: code flow, PKCE, nonce, scope `openid` and nothing else. What a login leaves here
 * is a subject for the pseudonymiser; its tokens are dropped at once (IDENTITY.md §2.C step 4).
 *
 * PKCE verifier and nonce are derived from `state`, so that nothing of a login under way is kept but the hash of
 * its state.
 */
export class UidpLogin {
  readonly #config: Config;
  readonly #uidp: Uidp;

  constructor(config: Config, uidp: Uidp) {
    this.#config = config;
    this.#uidp = uidp;
  }

  /** @param state 32 random bytes, base64url; single use */
  async authorizationUrl(state: string): Promise<URL> {
    const server = await this.#discover();
    if (server.authorization_endpoint === undefined) throw notAvailable();
    const { verifier, nonce } = await this.#derive(state);
    const url = new URL(server.authorization_endpoint);
    for (const [name, value] of Object.entries({
      client_id: this.#uidp.client_id,
      response_type: "code",
      redirect_uri: this.#redirectUri,
      scope: "openid",
      state,
      nonce,
      code_challenge: await challengeOf(verifier),
      code_challenge_method: "S256",
    })) {
      url.searchParams.set(name, value);
    }
    return url;
  }

  /**
   * @param callback the URL the browser came back with
   * @param state of a login that this browser has begun, taken out of the registry already
   * @returns the login's subject, to be handed to the pseudonymiser and forgotten
   * @throws CodedError `FORBIDDEN` if the login was refused, `UNAVAILABLE` if the provider cannot be reached
   */
  async subject(callback: URL, state: string): Promise<string> {
    const server = await this.#discover();
    const client: oauth.Client = { client_id: this.#uidp.client_id };
    const { verifier, nonce } = await this.#derive(state);
    try {
      const parameters = oauth.validateAuthResponse(server, client, callback, state);
      const response = await oauth.authorizationCodeGrantRequest(
        server,
        client,
        oauth.ClientSecretBasic(this.#uidp.client_secret),
        parameters,
        this.#redirectUri,
        verifier,
        this.#insecure,
      );
      const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, {
        expectedNonce: nonce,
        requireIdToken: true,
      });
      const subject = oauth.getValidatedIdTokenClaims(tokens)?.sub;
      if (subject === undefined) throw notAvailable();
      return subject;
    } catch (error) {
      // The cause may hold the provider's words about the person; it goes nowhere.
      if (error instanceof CodedError) throw error;
      throw new CodedError("FORBIDDEN", "The login was not completed.");
    }
  }

  async #discover(): Promise<oauth.AuthorizationServer> {
    const issuer = new URL(this.#uidp.issuer);
    const kept = servers.get(this.#uidp.issuer);
    if (kept !== undefined && kept.untilMs > Date.now()) return kept.server;
    try {
      const response = await oauth.discoveryRequest(issuer, this.#insecure);
      const server = await oauth.processDiscoveryResponse(issuer, response);
      servers.set(this.#uidp.issuer, { server, untilMs: Date.now() + KEEP_DISCOVERY_MS });
      return server;
    } catch {
      throw notAvailable();
    }
  }

  async #derive(state: string): Promise<{ verifier: string; nonce: string }> {
    const { keys } = this.#config;
    return {
      verifier: base64url(await keys.mac("session", "login-verifier", this.#uidp.id, state)),
      nonce: base64url(await keys.mac("session", "login-nonce", this.#uidp.id, state)),
    };
  }

  get #redirectUri(): string {
    return `${this.#config.issuer}/callback/${this.#uidp.id}`;
  }

  get #insecure(): { [oauth.allowInsecureRequests]?: true } {
    return this.#uidp.allow_insecure_issuer === true ? { [oauth.allowInsecureRequests]: true } : {};
  }
}

const KEEP_DISCOVERY_MS = 10 * 60_000;
const servers = new Map<string, { server: oauth.AuthorizationServer; untilMs: number }>();

function notAvailable(): CodedError {
  return new CodedError("UNAVAILABLE", "This login cannot be reached at the moment. Try again in a minute.");
}
