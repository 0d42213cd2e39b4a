import { CodedError } from "../../../engines/errors/coded-error.ts";
import { base64url } from "../../../engines/oauth/base64url.ts";
import { OAuthError } from "../../../engines/oauth/oauth-error.ts";
import { type Parameters, readParameters } from "../../../engines/oauth/parameters.ts";
import type { DidpContext } from "./didp-app.ts";

/** Most bytes of a form or of a registration. */
export const MOST_BODY_BYTES = 64 * 1024;

/** Most bytes of a batch: 20,000 references of 60 characters. */
export const MOST_BATCH_BYTES = 1536 * 1024;

/** @throws OAuthError `invalid_request` unless it is a form with each name once */
export async function readForm(c: DidpContext): Promise<Parameters> {
  return readParameters(await readFormText(c));
}

/** @throws OAuthError `invalid_request` unless it is a form */
export async function readFormText(c: DidpContext): Promise<string> {
  if (!isType(c, "application/x-www-form-urlencoded")) {
    throw new OAuthError("invalid_request", "Content-Type: application/x-www-form-urlencoded is expected.");
  }
  return c.req.text();
}

/** @throws OAuthError `invalid_client_metadata` unless it is a JSON object */
export async function readJsonObject(c: DidpContext): Promise<Readonly<Record<string, unknown>>> {
  if (!isType(c, "application/json")) {
    throw new OAuthError("invalid_client_metadata", "Content-Type: application/json is expected.");
  }
  try {
    const value: unknown = JSON.parse(await c.req.text());
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Readonly<Record<string, unknown>>; // an object by the test above
    }
  } catch (error) {
    if (error instanceof CodedError) throw error;
  }
  throw new OAuthError("invalid_client_metadata", "The body is no JSON object.");
}

/** The token of `Authorization: Bearer …`, if there is one. */
export function bearerOf(c: DidpContext): string | undefined {
  return /^Bearer ([A-Za-z0-9._~+/-]{1,512}=*)$/i.exec(c.req.header("authorization") ?? "")?.[1];
}

/** How long a caller would rather wait for the end of something than ask again: `Prefer: wait=…` (RFC 7240 §4.3). */
export function preferredWaitMs(c: DidpContext): number {
  const seconds = Number(/(?:^|[,;\s])wait=(\d{1,4})\b/i.exec(c.req.header("prefer") ?? "")?.[1] ?? 0);
  return Math.min(seconds, LONGEST_WAIT_SECONDS) * 1000;
}

const LONGEST_WAIT_SECONDS = 30;

/**
 * The caller's network as a keyed hash of the day: enough to count tries, useless for anything else
 * (IDENTITY.md §3.4). IPv4 by /24, IPv6 by /48.
 */
export async function networkOf(c: DidpContext): Promise<string> {
  const address = c.req.header("cf-connecting-ip") ?? "";
  const prefix = address.includes(":")
    ? address.split(":").slice(0, 3).join(":")
    : address.split(".").slice(0, 3).join(".");
  const day = Math.floor(Date.now() / (24 * 3600_000));
  return base64url((await c.var.config.keys.mac("rate", "network", prefix, day)).slice(0, 12));
}

function isType(c: DidpContext, type: string): boolean {
  return (c.req.header("content-type") ?? "").split(";")[0]?.trim().toLowerCase() === type;
}
