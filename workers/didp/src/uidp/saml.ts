import {
  type CacheProvider,
  generateServiceProviderMetadata,
  SAML,
  ValidateInResponseTo,
} from "@node-saml/node-saml";
import type { Config } from "../config.ts";
import { confirmedBy, PERSISTENT } from "./saml-assertion.ts";
import { checkSamlDocument } from "./saml-document.ts";
import type { SamlUidp } from "./settings.ts";
import {
  type Answer,
  type Begun,
  type Confirmed,
  derived,
  notCompleted,
  type UidpLogin,
} from "./uidp-login.ts";

const CLOCK_SKEW_MS = 60_000;
const REQUEST_LIFE_MS = 10 * 60_000;

/**
 * Login at a SAML 2.0 identity provider, as a service provider: request by redirect, signed response by POST
 * (web browser SSO profile). Signatures are node-saml's business; this file looks at the document before it is
 * parsed, and at the assertion after it was verified.
 *
 * The request's id is derived from `state`, which is good once, in one browser session, at one provider: so
 * `InResponseTo` needs no store, and an assertion that was used, or meant for another browser, finds nothing.
 */
export class SamlLogin implements UidpLogin {
  readonly #config: Config;
  readonly #uidp: SamlUidp;

  constructor(config: Config, uidp: SamlUidp) {
    this.#config = config;
    this.#uidp = uidp;
  }

  async begin(state: string, isAgain: boolean): Promise<Begun> {
    const saml = this.#saml(await this.#requestId(state), isAgain);
    const url = await saml.getAuthorizeUrlAsync(relayStateOf(this.#uidp.id, state), undefined, {});
    return { kind: "redirect", url: new URL(url) };
  }

  async finish(answer: Answer, state: string): Promise<Confirmed> {
    const response = answer.kind === "form" ? answer.fields.get("SAMLResponse") : undefined;
    if (response === undefined) throw notCompleted();
    checkSamlDocument(response, acsUrlOf(this.#config));
    const requestId = await this.#requestId(state);
    const assertion = await this.#verified(response, requestId);
    const expected = {
      issuer: this.#uidp.entity_id,
      audience: entityIdOf(this.#config),
      recipient: acsUrlOf(this.#config),
      inResponseTo: requestId,
    };
    const confirmed = confirmedBy(assertion, expected, Date.now());
    if (confirmed === undefined) throw notCompleted();
    return confirmed;
  }

  async #verified(response: string, requestId: string): Promise<unknown> {
    try {
      const { profile } = await this.#saml(requestId).validatePostResponseAsync({ SAMLResponse: response });
      return profile?.getAssertion?.();
    } catch {
      // The cause may hold the provider's words about the person; it goes nowhere.
      throw notCompleted();
    }
  }

  #saml(requestId: string, isAgain = false): SAML {
    return new SAML({
      entryPoint: this.#uidp.sso_url,
      idpCert: this.#uidp.certificates,
      idpIssuer: this.#uidp.entity_id,
      issuer: entityIdOf(this.#config),
      audience: entityIdOf(this.#config),
      callbackUrl: acsUrlOf(this.#config),
      identifierFormat: PERSISTENT,
      allowCreate: true,
      forceAuthn: isAgain,
      disableRequestedAuthnContext: true,
      wantAuthnResponseSigned: true,
      wantAssertionsSigned: true,
      acceptedClockSkewMs: CLOCK_SKEW_MS,
      maxAssertionAgeMs: REQUEST_LIFE_MS,
      validateInResponseTo: ValidateInResponseTo.always,
      requestIdExpirationPeriodMs: REQUEST_LIFE_MS,
      generateUniqueId: () => requestId,
      cacheProvider: onlyRequest(requestId),
    });
  }

  /** An xs:ID: starts with a letter, and two different bytes never fold into one. */
  async #requestId(state: string): Promise<string> {
    return `r-${await derived(this.#config, "login-saml-request", this.#uidp.id, state)}`;
  }
}

/** Our entity id, which is also where our metadata is. */
export function entityIdOf(config: Config): string {
  return `${config.issuer}/saml/metadata`;
}

function acsUrlOf(config: Config): string {
  return `${config.issuer}/saml/acs`;
}

/** At most 80 bytes (SAML bindings §3.4.3): 32 + 1 + 43. */
function relayStateOf(uidpId: string, state: string): string {
  return `${uidpId}.${state}`;
}

/** What identity providers import. */
export function samlMetadata(config: Config): string {
  return generateServiceProviderMetadata({
    issuer: entityIdOf(config),
    callbackUrl: acsUrlOf(config),
    identifierFormat: PERSISTENT,
    wantAssertionsSigned: true,
    generateUniqueId: () => "edgenym",
  });
}

/** node-saml asks here whether a request is ours: this one is, and nothing is kept. */
function onlyRequest(requestId: string): CacheProvider {
  return {
    saveAsync: async (_key, value) => ({ value, createdAt: Date.now() }),
    getAsync: async (key) => (key === requestId ? new Date().toISOString() : null),
    removeAsync: async () => null,
  };
}
