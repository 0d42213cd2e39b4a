import { decodeJwt, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import * as z from "zod/mini";
import type { ClaimedDevice, RevocationNotice } from "./authority.ts";
import { eventTypes } from "./event-types.ts";
import { claimedDevice, handle, natural, subject } from "./foreign-answers.ts";
import { foreignUser } from "./foreign-names.ts";
import { acceptedAlgorithms } from "./jwt-verification.ts";

/** `err` of a refusal (RFC 8935 §2.4). */
export type SecurityEventRefusal =
  | "invalid_request"
  | "invalid_key"
  | "invalid_issuer"
  | "invalid_audience"
  | "authentication_failed";

/** A security event token that is not taken. */
export class SecurityEventError extends Error {
  readonly err: SecurityEventRefusal;

  constructor(err: SecurityEventRefusal, description: string) {
    super(description);
    this.name = "SecurityEventError";
    this.err = err;
  }
}

/** The events of one token, about one user. */
export interface SecurityEvents {
  readonly revoked?: RevocationNotice;
  readonly claimed?: { readonly user: RevocationNotice["user"]; readonly device: ClaimedDevice };
}

/** Who the token claims to be from; nothing is proved yet. @throws SecurityEventError `invalid_request` */
export function claimedIssuer(token: string): string {
  try {
    const { iss } = decodeJwt(token);
    if (typeof iss === "string") return iss;
  } catch {
    // Not a JWT, or without an issuer: the same to whoever sent it.
  }
  throw new SecurityEventError("invalid_request", "The body is no security event token with an issuer.");
}

const MOST_AGE_SECONDS = 300;
const TOLERANCE_SECONDS = 60;

const claims = z.object({
  jti: z.string().check(z.minLength(1), z.maxLength(256)),
  sub_id: z.object({ format: z.literal("opaque"), id: subject }),
  events: z.record(z.string(), z.unknown()),
});
const revoked = z.object({
  handle: z.union([handle, z.literal("*")]),
  epoch: natural,
  reason: z.enum(["revoked", "released", "suspect", "deleted"]),
});
const claimed = z.object({ device: claimedDevice });

/**
 * Checks a token and reads its events; event types that mean nothing here are left out. A token is good for a few
 * minutes, so that an old one cannot be played back; whoever has to repeat an event signs it anew. Within that time the
 * same token may come twice, and what it says may be done twice.
 * @param keys of the issuer
 * @throws SecurityEventError; whatever `keys` throws if they are not to be had
 */
export async function readSecurityEvents(
  token: string,
  {
    issuer,
    audience,
    keys,
    nowMs,
  }: { issuer: string; audience: string; keys: JWTVerifyGetKey; nowMs: number },
): Promise<SecurityEvents> {
  const payload = await verified(token, issuer, audience, keys, nowMs);
  const read = claims.safeParse(payload);
  if (!read.success) throw new SecurityEventError("invalid_request", "jti, sub_id or events: another form.");
  const user = await foreignUser(issuer, read.data.sub_id.id);
  const { [eventTypes.revoked]: end, [eventTypes.claimed]: claim } = read.data.events;
  return {
    ...(end === undefined ? {} : { revoked: { user, ...formOf(revoked, end, "session-revoked") } }),
    ...(claim === undefined ? {} : { claimed: { user, ...formOf(claimed, claim, "device-claimed") } }),
  };
}

function formOf<Schema extends z.ZodMiniType>(
  schema: Schema,
  event: unknown,
  name: string,
): z.output<Schema> {
  const read = schema.safeParse(event);
  if (read.success) return read.data;
  throw new SecurityEventError("invalid_request", `${name}: another form.`);
}

async function verified(
  token: string,
  issuer: string,
  audience: string,
  keys: JWTVerifyGetKey,
  nowMs: number,
): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      typ: "secevent+jwt",
      issuer,
      audience,
      algorithms: [...acceptedAlgorithms],
      currentDate: new Date(nowMs),
      maxTokenAge: MOST_AGE_SECONDS,
      clockTolerance: TOLERANCE_SECONDS,
      requiredClaims: ["iat"],
    });
    return payload;
  } catch (error) {
    throw refusalOf(error);
  }
}

/** What is not the token's fault stays what it is: the sender may try again. */
function refusalOf(error: unknown): unknown {
  if (error instanceof errors.JWTClaimValidationFailed && error.claim === "aud")
    return new SecurityEventError("invalid_audience", "aud: not this gateway.");
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired)
    return new SecurityEventError("invalid_request", `${error.claim}: missing, wrong or too old.`);
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return new SecurityEventError("authentication_failed", "The signature is not the issuer's.");
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    return new SecurityEventError("invalid_key", "The issuer has no such key.");
  if (error instanceof errors.JOSEAlgNotAllowed)
    return new SecurityEventError("invalid_key", `alg: one of ${acceptedAlgorithms.join(", ")}.`);
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid)
    return new SecurityEventError("invalid_request", "The body is no security event token.");
  return error;
}
