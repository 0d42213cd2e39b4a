import * as oauth from "oauth4webapi";
import { CodedError } from "../../../../engines/errors/coded-error.ts";
import { challengeOf } from "../../../../engines/oauth/pkce.ts";
import type { Config } from "../config.ts";
import type { OidcUidp } from "./settings.ts";
import {
  type Answer,
  type Begun,
  derived,
  notAvailable,
  notCompleted,
  type UidpLogin,
} from "./uidp-login.ts";

/**
 * Login at an OpenID provider: code flow, PKCE, nonce, scope `openid` and nothing else. PKCE verifier and nonce are
 * derived from `state`, so that nothing of a login under way is kept but the hash of its state.
 */
export class OidcLogin implements UidpLogin {
  readonly #config: Config;
  readonly #uidp: OidcUidp;

  constructor(config: Config, uidp: OidcUidp) {
    this.#config = config;
    this.#uidp = uidp;
  }

  async begin(state: string): Promise<Begun> {
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
    return { kind: "redirect", url };
  }

  async finish(answer: Answer, state: string): Promise<string> {
    if (answer.kind !== "callback") throw notCompleted();
    const server = await this.#discover();
    const client: oauth.Client = { client_id: this.#uidp.client_id };
    const { verifier, nonce } = await this.#derive(state);
    try {
      const parameters = oauth.validateAuthResponse(server, client, answer.url, state);
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
      // OpenID Connect Core §3.1.3.7 lets a client that fetched the ID token itself trust TLS for its signature; we
      // do not, as a key set costs one request in ten minutes.
      await oauth.validateApplicationLevelSignature(server, response, this.#insecure);
      const subject = oauth.getValidatedIdTokenClaims(tokens)?.sub;
      if (subject === undefined) throw notAvailable();
      return subject;
    } catch (error) {
      // The cause may hold the provider's words about the person; it goes nowhere.
      if (error instanceof CodedError) throw error;
      throw notCompleted();
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
    return {
      verifier: await derived(this.#config, "login-verifier", this.#uidp.id, state),
      nonce: await derived(this.#config, "login-nonce", this.#uidp.id, state),
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
