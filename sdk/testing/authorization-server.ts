import { createHash } from "node:crypto";

/** What the double was asked, in order. */
export interface SeenRequest {
  readonly path: string;
  readonly form: Record<string, string>;
}

type Reply = readonly [status: number, body: unknown];

/**
 * A DIdP and a gateway's metadata as one `fetch`, as strict about PKCE, redirect URI and one-time codes as the real
 * ones; for tests of the app SDK only.
 */
export class TestAuthorizationServer {
  readonly gateway = "http://127.0.0.1:19480";
  readonly issuer = "http://127.0.0.1:19481";
  readonly requests: SeenRequest[] = [];
  readonly clients = new Map<string, string>();
  offersPar = true;
  offersDpop = false;
  /** The server wants this in every proof. */
  nonce: string | undefined;
  isDown = false;
  isRevoked = false;
  lifeSeconds = 600;
  /** Called with each access token that is issued. */
  onIssue: (token: string) => void = () => undefined;
  gatewayUri = "ws://127.0.0.1:19480/mqtt/route";
  #refreshToken = "";
  /** The key of the current request, and the one that the grant is bound to. */
  #provenKey: string | undefined;
  #boundKey: string | undefined;
  #issued = 0;
  readonly #pushed = new Map<string, URLSearchParams>();
  readonly #codes = new Map<string, { readonly challenge: string; readonly redirectUri: string }>();

  readonly fetch: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    const text = await request.text();
    const isForm = request.headers.get("content-type")?.startsWith("application/x-www-form-urlencoded");
    const form = new URLSearchParams(isForm ? text : "");
    this.requests.push({ path: url.pathname, form: Object.fromEntries(form) });
    if (this.isDown) return Response.json({}, { status: 503 });
    const proof = request.headers.get("dpop");
    if (proof !== null && this.nonce !== undefined && partOf(proof, 1).nonce !== this.nonce) {
      return Response.json(
        { error: "use_dpop_nonce" },
        { status: 400, headers: { "dpop-nonce": this.nonce } },
      );
    }
    this.#provenKey = proof === null ? undefined : JSON.stringify(partOf(proof, 0).jwk);
    const [status, body] = this.#answer(url.pathname, form, text);
    return body === undefined ? new Response(null, { status }) : Response.json(body, { status });
  };

  /** Plays browser, login and consent: what comes back to the redirect URI. */
  consent(authorizationUrl: URL, decision: "approve" | "deny" = "approve"): URL {
    const requestUri = authorizationUrl.searchParams.get("request_uri");
    const parameters = requestUri === null ? authorizationUrl.searchParams : this.#pushed.get(requestUri);
    const get = (name: string) => parameters?.get(name) ?? "";
    const back = new URL(get("redirect_uri"));
    back.searchParams.set("state", get("state"));
    back.searchParams.set("iss", this.issuer);
    if (decision === "deny") {
      back.searchParams.set("error", "access_denied");
    } else {
      const code = `code-${this.#codes.size + 1}`;
      this.#codes.set(code, { challenge: get("code_challenge"), redirectUri: get("redirect_uri") });
      back.searchParams.set("code", code);
    }
    return back;
  }

  /** What was asked for, wherever the parameters travelled. */
  parametersOf(authorizationUrl: URL): URLSearchParams {
    const requestUri = authorizationUrl.searchParams.get("request_uri");
    return (requestUri === null ? undefined : this.#pushed.get(requestUri)) ?? authorizationUrl.searchParams;
  }

  #answer(path: string, form: URLSearchParams, text: string): Reply {
    switch (path) {
      case "/.well-known/oauth-protected-resource":
        return [200, { resource: this.gateway, authorization_servers: [this.issuer] }];
      case "/.well-known/oauth-authorization-server":
        return [200, this.#metadata()];
      case "/register": {
        const clientId = `app-${this.clients.size + 1}`;
        this.clients.set(clientId, JSON.parse(text).redirect_uris[0]);
        return [201, { client_id: clientId, client_id_issued_at: 0 }];
      }
      case "/par": {
        if (!this.#isKnown(form)) return [401, { error: "invalid_client" }];
        const requestUri = `urn:ietf:params:oauth:request_uri:${this.#pushed.size + 1}`;
        this.#pushed.set(requestUri, form);
        return [201, { request_uri: requestUri, expires_in: 60 }];
      }
      case "/token":
        return this.#isKnown(form) ? this.#token(form) : [401, { error: "invalid_client" }];
      case "/revoke":
        this.isRevoked = true;
        return [200, undefined];
      default:
        return [404, { error: "not_found" }];
    }
  }

  #metadata(): Record<string, unknown> {
    return {
      issuer: this.issuer,
      authorization_endpoint: `${this.issuer}/authorize`,
      token_endpoint: `${this.issuer}/token`,
      registration_endpoint: `${this.issuer}/register`,
      revocation_endpoint: `${this.issuer}/revoke`,
      response_types_supported: ["code"],
      code_challenge_methods_supported: ["S256"],
      authorization_response_iss_parameter_supported: true,
      ...(this.offersDpop ? { dpop_signing_alg_values_supported: ["ES256"] } : {}),
      ...(this.offersPar ? { pushed_authorization_request_endpoint: `${this.issuer}/par` } : {}),
    };
  }

  #token(form: URLSearchParams): Reply {
    if (form.get("grant_type") === "authorization_code") {
      const code = this.#codes.get(form.get("code") ?? "");
      this.#codes.delete(form.get("code") ?? "");
      const challenge = createHash("sha256")
        .update(form.get("code_verifier") ?? "")
        .digest("base64url");
      if (code?.challenge !== challenge || code.redirectUri !== form.get("redirect_uri")) {
        return [400, { error: "invalid_grant" }];
      }
      this.#boundKey = this.#provenKey;
      return this.#issue();
    }
    if (this.#boundKey !== this.#provenKey) return [400, { error: "invalid_dpop_proof" }];
    const isCurrent = form.get("refresh_token") === this.#refreshToken;
    return isCurrent && !this.isRevoked ? this.#issue() : [400, { error: "invalid_grant" }];
  }

  #issue(): Reply {
    this.#issued += 1;
    this.#refreshToken = `refresh-${this.#issued}`;
    this.onIssue(`access-${this.#issued}`);
    return [
      200,
      {
        access_token: `access-${this.#issued}`,
        token_type: "Bearer",
        expires_in: this.lifeSeconds,
        refresh_token: this.#refreshToken,
        gateway_uri: this.gatewayUri,
      },
    ];
  }

  #isKnown(form: URLSearchParams): boolean {
    return this.clients.has(form.get("client_id") ?? "");
  }
}

/** The header (0) or the claims (1) of a JWT. */
function partOf(jwt: string, index: 0 | 1): Record<string, unknown> {
  return JSON.parse(Buffer.from(jwt.split(".")[index] ?? "", "base64url").toString());
}

/** A browser's key store for tests. */
export class MemoryProofKeys {
  pair: CryptoKeyPair | undefined;
  isBroken = false;

  async load(): Promise<CryptoKeyPair | undefined> {
    if (this.isBroken) throw new DOMException("no storage in this window", "InvalidStateError");
    return this.pair;
  }

  async save(pair: CryptoKeyPair): Promise<void> {
    this.pair = pair;
  }
}

/** `sessionStorage` for tests. */
export class MemoryStore {
  readonly entries = new Map<string, string>();

  getItem(key: string): string | null {
    return this.entries.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.entries.set(key, value);
  }

  removeItem(key: string): void {
    this.entries.delete(key);
  }
}
