import * as oauth from "oauth4webapi";
import { CodedError } from "../../../../engines/errors/coded-error.ts";
import { challengeOf } from "../../../../engines/oauth/pkce.ts";
import type { Config } from "../config.ts";
import { type OAuth2Preset, oauth2Presets } from "./oauth2-presets.ts";
import type { OAuth2Uidp } from "./settings.ts";
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
 * Login at a provider that has OAuth 2 and no ID token: code flow with PKCE, then one question who that was. The
 * subject is the provider's id that never changes; of the rest of its answer nothing is read.
 *
 * A provider without `iss` in its answer (RFC 9207) cannot be mixed up with another: each has a redirect URI of
 * its own, and a state is good at the one where it was begun (RFC 9700 §4.4.2.2).
 */
export class OAuth2Login implements UidpLogin {
  readonly #config: Config;
  readonly #uidp: OAuth2Uidp;
  readonly #preset: OAuth2Preset;

  constructor(config: Config, uidp: OAuth2Uidp) {
    this.#config = config;
    this.#uidp = uidp;
    this.#preset = oauth2Presets[uidp.preset];
  }

  async begin(state: string, isAgain: boolean): Promise<Begun> {
    const url = new URL(this.#uidp.endpoints?.authorization ?? this.#preset.authorization);
    for (const [name, value] of Object.entries({
      client_id: this.#uidp.client_id,
      response_type: "code",
      redirect_uri: this.#redirectUri,
      scope: this.#preset.scope,
      state,
      code_challenge: await challengeOf(await this.#verifier(state)),
      code_challenge_method: "S256",
      ...(isAgain ? this.#preset.again : {}),
    })) {
      if (value !== "") url.searchParams.set(name, value);
    }
    return { kind: "redirect", url };
  }

  async finish(answer: Answer, state: string): Promise<Confirmed> {
    if (answer.kind !== "callback") throw notCompleted();
    const server: oauth.AuthorizationServer = {
      issuer: this.#uidp.endpoints?.issuer ?? this.#preset.issuer,
      token_endpoint: this.#uidp.endpoints?.token ?? this.#preset.token,
    };
    const client: oauth.Client = { client_id: this.#uidp.client_id };
    try {
      const parameters = oauth.validateAuthResponse(server, client, answer.url, state);
      const response = await oauth.authorizationCodeGrantRequest(
        server,
        client,
        this.#clientAuthentication,
        parameters,
        this.#redirectUri,
        await this.#verifier(state),
        this.#options,
      );
      const tokens = await oauth.processGenericTokenEndpointResponse(server, client, response);
      return { subject: await this.#askWho(tokens.access_token), authenticatedMs: undefined };
    } catch (error) {
      // The cause may hold the provider's words about the person; it goes nowhere.
      if (error instanceof CodedError) throw error;
      throw notCompleted();
    }
  }

  async #askWho(accessToken: string): Promise<string> {
    const address = this.#uidp.endpoints?.user ?? this.#preset.user;
    if (address === undefined) throw notAvailable();
    const headers = new Headers({ accept: "application/json", "user-agent": "edgenym" }); // GitHub wants a name
    const response = await oauth.protectedResourceRequest(
      accessToken,
      "GET",
      new URL(address),
      headers,
      undefined,
      this.#options,
    );
    if (response.status !== 200) throw notCompleted();
    return readSubject(await response.json(), this.#preset.subject);
  }

  get #clientAuthentication(): oauth.ClientAuth {
    return this.#preset.clientAuthentication === "client_secret_post"
      ? oauth.ClientSecretPost(this.#uidp.client_secret)
      : oauth.ClientSecretBasic(this.#uidp.client_secret);
  }

  #verifier(state: string): Promise<string> {
    return derived(this.#config, "login-verifier", this.#uidp.id, state);
  }

  get #redirectUri(): string {
    return `${this.#config.issuer}/callback/${this.#uidp.id}`;
  }

  get #options() {
    // A provider that is redirected elsewhere is not the one that was configured; workerd knows no "error" here.
    const headers = { accept: "application/json" };
    return this.#uidp.allow_insecure_issuer === true
      ? { headers, [oauth.allowInsecureRequests]: true as const }
      : { headers };
  }
}

/** @throws CodedError `FORBIDDEN` unless a whole number or a short text stands there */
function readSubject(answer: unknown, path: readonly string[]): string {
  let value: unknown = answer;
  for (const name of path) {
    // Own members only: a path never ends in a prototype.
    value =
      typeof value === "object" && value !== null && Object.hasOwn(value, name)
        ? (value as Readonly<Record<string, unknown>>)[name] // an object with that member, by the test above
        : undefined;
  }
  if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) return String(value);
  if (typeof value === "string" && /^[\x21-\x7e]{1,255}$/.test(value)) return value;
  throw notCompleted();
}
