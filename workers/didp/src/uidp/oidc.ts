import { createRemoteJWKSet, type JWTVerifyGetKey, jwtVerify } from "jose";
import * as oauth from "oauth4webapi";
import { CodedError } from "../../../../engines/errors/coded-error.ts";
import { challengeOf } from "../../../../engines/oauth/pkce.ts";
import type { Config } from "../config.ts";
import type { OidcUidp } from "./settings.ts";
import {
  type Answer,
  type Begun,
  type Confirmed,
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

  async begin(state: string, isAgain: boolean): Promise<Begun> {
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
      // OpenID Connect Core §3.1.2.1: the first asks for it, the second makes the answer say when it was.
      ...(isAgain ? { prompt: "login", max_age: "0" } : {}),
    })) {
      url.searchParams.set(name, value);
    }
    return { kind: "redirect", url };
  }

  async finish(answer: Answer, state: string): Promise<Confirmed> {
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
      const claims = oauth.getValidatedIdTokenClaims(tokens);
      if (claims === undefined) throw notAvailable();
      const { sub: subject, auth_time: seconds } = claims;
      return { subject, authenticatedMs: seconds === undefined ? undefined : seconds * 1000 };
    } catch (error) {
      // The cause may hold the provider's words about the person; it goes nowhere.
      if (error instanceof CodedError) throw error;
      throw notCompleted();
    }
  }

  /**
   * Reads a logout token (OpenID Connect Back-Channel Logout 1.0 §2.6). One that names a session only is refused:
   * which session of the provider's was which browser's is not kept here.
   * @returns whom to log out and the token's id, to be used once; `undefined` if anything about it is wrong
   */
  async readLogoutToken(token: string): Promise<{ subject: string; id: string } | undefined> {
    const server = await this.#discover();
    const keys = this.#keys(server);
    if (keys === undefined || token.length > 8192) return undefined;
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keys, {
        issuer: server.issuer,
        audience: this.#uidp.client_id,
        algorithms: ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"],
        maxTokenAge: LOGOUT_TOKEN_AGE_SECONDS,
        clockTolerance: 30,
        requiredClaims: ["iat", "jti", "sub", "events"],
      });
      const { typ = "logout+jwt" } = protectedHeader;
      const { sub, jti, events, nonce } = payload;
      const isLogout = typeof events === "object" && events !== null && Object.hasOwn(events, LOGOUT_EVENT);
      // An ID token has a nonce, which a logout token must not have.
      if (!isLogout || nonce !== undefined || !/^(?:application\/)?(?:logout\+)?jwt$/i.test(typ))
        return undefined;
      return sub === undefined || jti === undefined || jti.length > 256
        ? undefined
        : { subject: sub, id: jti };
    } catch {
      return undefined;
    }
  }

  #keys(server: oauth.AuthorizationServer): JWTVerifyGetKey | undefined {
    const kept = keySets.get(server);
    if (kept !== undefined || server.jwks_uri === undefined) return kept;
    const keys = createRemoteJWKSet(new URL(server.jwks_uri));
    keySets.set(server, keys);
    return keys;
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
/** As long as the discovery they came from. */
const keySets = new WeakMap<oauth.AuthorizationServer, JWTVerifyGetKey>();
const LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout";
const LOGOUT_TOKEN_AGE_SECONDS = 120;
