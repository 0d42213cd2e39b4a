import { base64url } from "../engines/oauth/base64url.ts";
import { backoffMs } from "./backoff.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { DeviceIdentity } from "./device-identity.ts";

/** Which DIdP, and by what right. */
export interface FactoryOptions {
  /** Base URL of the device identity provider. */
  readonly didp: string;
  readonly initialAccessToken: string;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
  /** 0 ≤ x < 1, for back-off. */
  readonly random?: () => number;
  /** Idempotency keys; default `crypto.randomUUID`. */
  readonly uuid?: () => string;
  /** Tries for one device before it is given up; default 8. */
  readonly tries?: number;
}

/** What the factory knows of one unit. */
export interface Unit {
  readonly name: string;
  /** The product's `software_id`. */
  readonly product: string;
  readonly title: string;
  /** Serial number or hardware address; the DIdP keeps only a keyed hash of it. */
  readonly deviceRef?: string;
}

/** A registration that the DIdP refused; `code` is the OAuth error or `unavailable`. */
export class RegistrationError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, status: number) {
    super(`registration was refused: ${code} (HTTP ${status})`);
    this.name = "RegistrationError";
    this.code = code;
    this.status = status;
  }
}

interface Endpoints {
  readonly registration: string;
  readonly token: string;
  readonly deviceAuthorization: string;
}

/**
 * The factory's side: registers units at the DIdP by dynamic client registration. A lost answer costs nothing: the
 * same idempotency key brings the same registration again.
 *
 * @see IDENTITY.md §2.A; RFC 7591
 */
export class Factory {
  readonly #options: Required<FactoryOptions>;
  #endpoints: Promise<Endpoints> | undefined;

  constructor(options: FactoryOptions) {
    this.#options = {
      fetch,
      clock: systemClock,
      random: Math.random,
      uuid: () => crypto.randomUUID(),
      tries: 8,
      ...options,
    };
  }

  /** @throws RegistrationError when the DIdP refuses, or stays unavailable for all tries. */
  async register(unit: Unit): Promise<DeviceIdentity> {
    const { initialAccessToken, uuid } = this.#options;
    const endpoints = await this.#discover();
    const idempotencyKey = uuid();
    const json = await this.#untilAnswered(endpoints.registration, {
      method: "POST",
      headers: {
        authorization: `Bearer ${initialAccessToken}`,
        "content-type": "application/json",
        "idempotency-key": idempotencyKey,
      },
      body: JSON.stringify({
        client_name: unit.title,
        software_id: unit.product,
        software_version: "1",
        token_endpoint_auth_method: "client_secret_basic",
        grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
        scope: "device:publish device:command",
        claim_policy: "online",
        ...(unit.deviceRef === undefined ? {} : { device_ref: unit.deviceRef }),
      }),
    });
    const text = (field: string): string => {
      const value = json[field];
      if (typeof value !== "string") throw new RegistrationError("incomplete_answer", 201);
      return value;
    };
    return {
      name: unit.name,
      product: unit.product,
      clientId: text("client_id"),
      clientSecret: text("client_secret"),
      tokenEndpoint: typeof json.token_endpoint === "string" ? json.token_endpoint : endpoints.token,
      deviceAuthorizationEndpoint: endpoints.deviceAuthorization,
      registrationClientUri: text("registration_client_uri"),
      registrationAccessToken: text("registration_access_token"),
      userRegistrationUri: text("user_registration_uri"),
      userCode: text("user_code"),
      mqttClientId: base64url(crypto.getRandomValues(new Uint8Array(12))),
    };
  }

  #discover(): Promise<Endpoints> {
    this.#endpoints ??= this.#readMetadata().catch((error: unknown) => {
      this.#endpoints = undefined;
      throw error;
    });
    return this.#endpoints;
  }

  async #readMetadata(): Promise<Endpoints> {
    const url = new URL("/.well-known/oauth-authorization-server", this.#options.didp);
    const json = await this.#untilAnswered(url.href, { method: "GET" });
    const endpoint = (field: string): string => {
      const value = json[field];
      if (typeof value !== "string") throw new RegistrationError("incomplete_metadata", 200);
      return value;
    };
    return {
      registration: endpoint("registration_endpoint"),
      token: endpoint("token_endpoint"),
      deviceAuthorization: endpoint("device_authorization_endpoint"),
    };
  }

  async #untilAnswered(url: string, request: RequestInit): Promise<Record<string, unknown>> {
    const { clock, random, tries } = this.#options;
    for (let attempt = 0; ; attempt += 1) {
      const answer = await this.#once(url, request);
      if (!("retry" in answer)) return answer.json;
      if (attempt + 1 >= tries) throw new RegistrationError("unavailable", answer.status);
      const { retryAfterSeconds } = answer;
      await clock.sleep(backoffMs(attempt, random(), { capMs: 60_000, retryAfterSeconds }));
    }
  }

  async #once(
    url: string,
    request: RequestInit,
  ): Promise<
    | { readonly json: Record<string, unknown> }
    | { readonly retry: true; readonly status: number; readonly retryAfterSeconds: number }
  > {
    let response: Response;
    let body: unknown;
    try {
      response = await this.#options.fetch(url, request);
      body = JSON.parse(await response.text());
    } catch {
      return { retry: true, status: 0, retryAfterSeconds: 0 };
    }
    if (response.status >= 500 || response.status === 429) {
      const retryAfterSeconds = Math.min(Number(response.headers.get("retry-after")) || 0, 600);
      return { retry: true, status: response.status, retryAfterSeconds };
    }
    const json = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {}; // JSON's objects
    if (response.ok) return { json };
    throw new RegistrationError(typeof json.error === "string" ? json.error : "refused", response.status);
  }
}
