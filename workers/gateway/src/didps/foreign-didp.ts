import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from "jose";
import { CodedError } from "../../../../engines/errors/coded-error.ts";
import { createLog } from "../../../../engines/log/log.ts";
import type { AppIntrospection, ConsentRequest, Introspection } from "../../../../engines/oauth/authority.ts";
import {
  readAppIntrospection,
  readConclusion,
  readConsentRequest,
  readIntrospection,
} from "../../../../engines/oauth/foreign-answers.ts";
import {
  type IssuerMetadata,
  metadataUrl,
  readIssuerMetadata,
} from "../../../../engines/oauth/issuer-metadata.ts";
import { randomSecret } from "../../../../engines/oauth/key-ring.ts";
import {
  readSecurityEvents,
  SecurityEventError,
  type SecurityEvents,
} from "../../../../engines/oauth/security-event.ts";
import type { SigningKey } from "../../../../engines/oauth/signing-key.ts";
import { BoundedFetch } from "./bounded-fetch.ts";
import type { TrustedDidp } from "./trusted-didp.ts";

/** A connection waits ten seconds for its CONNECT to be answered: room for a discovery and a question. */
const bounds = { concurrent: 32, timeoutMs: 3000, answerBytes: 64 * 1024 };
const METADATA_LIFE_MS = 3600_000;
const ASSERTION_LIFE_SECONDS = 60;
const JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const log = createLog("gateway", console.log);

/** This gateway at another operator's DIdP. */
export interface GatewayClient {
  readonly gatewayUri: string;
  readonly key: Promise<SigningKey>;
}

/**
 * The DIdP of another operator: asked over HTTP by `private_key_jwt`, and believed about its own users only
 * (IDENTITY.md §2.G). Kept for the life of the isolate; what it keeps are values, never somebody's open request.
 */
export class ForeignDidp implements TrustedDidp {
  readonly issuer: string;
  readonly #client: GatewayClient;
  readonly #http = new BoundedFetch(bounds);
  #described: { readonly metadata: IssuerMetadata; readonly untilMs: number } | undefined;
  #keys: { readonly uri: string; readonly get: JWTVerifyGetKey } | undefined;

  constructor(issuer: string, client: GatewayClient) {
    this.issuer = issuer;
    this.#client = client;
  }

  introspect(token: string): Promise<Introspection> {
    return this.#answered("introspect", async () => {
      const answer = await this.#post((await this.#describe()).introspectionEndpoint, { token });
      return readIntrospection(this.issuer, await ok(answer).json(), Date.now());
    });
  }

  introspectApp(token: string): Promise<AppIntrospection> {
    return this.#answered("introspect_app", async () => {
      const answer = await this.#post((await this.#describe()).introspectionEndpoint, { token });
      return readAppIntrospection(this.issuer, await ok(answer).json(), Date.now());
    });
  }

  redeemTicket(ticket: string): Promise<ConsentRequest | undefined> {
    return this.#answered("redeem", async () => {
      const answer = await this.#post((await this.#describe()).consentRedemptionEndpoint, { ticket });
      if (answer.status === 400) return undefined;
      return readConsentRequest(this.issuer, await ok(answer).json(), Date.now());
    });
  }

  concludeConsent(
    ticket: string,
    outcome: "approved" | "denied",
  ): Promise<{ readonly returnUri: string } | undefined> {
    return this.#answered("conclude", async () => {
      const answer = await this.#post((await this.#describe()).consentConclusionEndpoint, {
        ticket,
        outcome,
      });
      if (answer.status === 400) return undefined;
      return readConclusion(this.issuer, await ok(answer).json());
    });
  }

  /** What it says of its own accord. @throws SecurityEventError for a token that is not taken */
  readEvents(token: string): Promise<SecurityEvents> {
    return this.#answered("events", async () =>
      readSecurityEvents(token, {
        issuer: this.issuer,
        audience: this.#client.gatewayUri,
        keys: await this.#jwks(),
        nowMs: Date.now(),
      }),
    );
  }

  /** RFC 8414; kept for an hour, or until a question fails. */
  async #describe(): Promise<IssuerMetadata> {
    if (this.#described !== undefined && Date.now() < this.#described.untilMs)
      return this.#described.metadata;
    const answer = await this.#http.fetch(metadataUrl(this.issuer), {
      headers: { accept: "application/json" },
    });
    const metadata = readIssuerMetadata(this.issuer, await ok(answer).json());
    this.#described = { metadata, untilMs: Date.now() + METADATA_LIFE_MS };
    return metadata;
  }

  /** Its public keys, kept for ten minutes; fetched sooner for one that is not among them, twice a minute at most. */
  async #jwks(): Promise<JWTVerifyGetKey> {
    const { jwksUri } = await this.#describe();
    if (this.#keys?.uri !== jwksUri) {
      const get = createRemoteJWKSet(new URL(jwksUri), {
        [customFetch]: (url, { headers }) => this.#http.fetch(url, { headers }),
      });
      this.#keys = { uri: jwksUri, get };
    }
    return this.#keys.get;
  }

  /** A form with who asks: a new assertion each time, for it is good once (RFC 7523 §3). */
  async #post(url: string, fields: Readonly<Record<string, string>>): Promise<Response> {
    const { gatewayUri, key } = this.#client;
    const issuedAt = Math.floor(Date.now() / 1000);
    const assertion = await (await key).sign({
      iss: gatewayUri,
      sub: gatewayUri,
      aud: this.issuer,
      jti: randomSecret(16),
      iat: issuedAt,
      exp: issuedAt + ASSERTION_LIFE_SECONDS,
    });
    const form = { ...fields, client_assertion_type: JWT_BEARER, client_assertion: assertion };
    return this.#http.fetch(url, {
      method: "POST",
      headers: { accept: "application/json", "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams(form).toString(),
    });
  }

  async #answered<Answer>(step: string, ask: () => Promise<Answer>): Promise<Answer> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof SecurityEventError) throw error;
      // Perhaps it has moved: what it says of itself is asked for again.
      this.#described = undefined;
      log.warn("foreign_didp.failed", { code: "UNAVAILABLE", step });
      throw new CodedError("UNAVAILABLE", "The identity provider of this token gives no proper answer.", {
        cause: error,
      });
    }
  }
}

/** @throws Error for any other status: this gateway is not known there, or something is wrong. */
function ok(answer: Response): Response {
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}`);
  return answer;
}
