import type { Clock } from "./clock.ts";

/** The three kinds of answer that a device tells apart (IDENTITY.md §2.D). */
export type EndpointAnswer<Granted> =
  | { readonly kind: "granted"; readonly granted: Granted }
  /** The server said no; `error` is the OAuth error code. */
  | { readonly kind: "refused"; readonly error: string }
  /** No answer, an answer that came too late, a 5xx or a 429: try again with the same request. */
  | { readonly kind: "unavailable"; readonly retryAfterSeconds?: number };

/** A token answer with the fields of IDENTITY.md §2.C step 7. */
export interface TokenGrant {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  /** Absent when the server does not rotate this time: keep the old one. */
  readonly refreshToken?: string;
  /** `ws(s)://…/mqtt/{sealed route}`. */
  readonly gatewayUri: string;
}

/** The answer of RFC 8628 §3.2, without the codes for people: those are on the label. */
export interface DeviceAuthorizationGrant {
  readonly deviceCode: string;
  readonly expiresInSeconds: number;
  readonly intervalSeconds: number;
}

/** The device as a client of the token endpoint. */
export interface EndpointCaller {
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Default 15 s. */
  readonly timeoutMs?: number;
}

/** `POST /token` with client authentication (RFC 6749 §3.2.1). */
export async function requestToken(
  caller: EndpointCaller,
  endpoint: string,
  parameters: Readonly<Record<string, string>>,
): Promise<EndpointAnswer<TokenGrant>> {
  return await post(caller, endpoint, parameters, (json) => {
    const { access_token, expires_in, refresh_token, gateway_uri } = json;
    if (typeof access_token !== "string" || typeof gateway_uri !== "string") return undefined;
    if (typeof expires_in !== "number" || !(expires_in > 0)) return undefined;
    return {
      accessToken: access_token,
      expiresInSeconds: expires_in,
      gatewayUri: gateway_uri,
      ...(typeof refresh_token === "string" ? { refreshToken: refresh_token } : {}),
    };
  });
}

/** `POST /device_authorization` with client authentication (RFC 8628 §3.1). */
export async function requestDeviceCode(
  caller: EndpointCaller,
  endpoint: string,
): Promise<EndpointAnswer<DeviceAuthorizationGrant>> {
  return await post(caller, endpoint, { client_id: caller.clientId }, (json) => {
    const { device_code, expires_in, interval } = json;
    if (typeof device_code !== "string" || typeof expires_in !== "number") return undefined;
    return {
      deviceCode: device_code,
      expiresInSeconds: expires_in,
      intervalSeconds: typeof interval === "number" && interval > 0 ? interval : 5, // RFC 8628 §3.2: default 5
    };
  });
}

async function post<Granted>(
  caller: EndpointCaller,
  endpoint: string,
  parameters: Readonly<Record<string, string>>,
  read: (json: Record<string, unknown>) => Granted | undefined,
): Promise<EndpointAnswer<Granted>> {
  const answered = await withinTimeout(caller, async (signal) => {
    const response = await caller.fetch(endpoint, {
      method: "POST",
      headers: {
        authorization: basicAuthorization(caller.clientId, caller.clientSecret),
        accept: "application/json",
      },
      body: new URLSearchParams(parameters),
      redirect: "error",
      signal,
    });
    return { response, body: await response.text() };
  });
  if (answered === undefined) return { kind: "unavailable" };

  const { response, body } = answered;
  const json = parseObject(body);
  const error = typeof json?.error === "string" ? json.error : undefined;
  if (response.status >= 500 || response.status === 429 || error === "temporarily_unavailable") {
    const retryAfter = Number(response.headers.get("retry-after"));
    return {
      kind: "unavailable",
      ...(retryAfter > 0 ? { retryAfterSeconds: Math.min(retryAfter, 86_400) } : {}),
    };
  }
  if (!response.ok) return error === undefined ? { kind: "unavailable" } : { kind: "refused", error };
  const granted = json === undefined ? undefined : read(json);
  return granted === undefined ? { kind: "unavailable" } : { kind: "granted", granted };
}

/** An answer after the timeout is dropped: a device acts only on the answer of its outstanding request. */
async function withinTimeout<T>(
  { clock, timeoutMs = 15_000 }: EndpointCaller,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  const request = new AbortController();
  const timer = new AbortController();
  const late = clock.sleep(timeoutMs, timer.signal).then(() => undefined);
  try {
    return await Promise.race([work(request.signal).catch(() => undefined), late]);
  } finally {
    timer.abort();
    request.abort();
  }
}

/** RFC 6749 §2.3.1: both parts are form-encoded before they are joined. */
function basicAuthorization(clientId: string, clientSecret: string): string {
  const encode = (text: string) => new URLSearchParams({ x: text }).toString().slice(2);
  return `Basic ${btoa(`${encode(clientId)}:${encode(clientSecret)}`)}`;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(text);
    // An object that is neither null nor an array has string keys and nothing known about its values.
    return typeof json === "object" && json !== null && !Array.isArray(json)
      ? (json as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
