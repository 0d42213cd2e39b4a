import * as z from "zod";
import type { JsonWebKeySet } from "../../engines/oauth/client-metadata.ts";
import { eventTypes } from "../../engines/oauth/event-types.ts";
import type { OutboxMessage } from "./outbox.ts";
import type { Signer } from "./signer.ts";

/** A gateway of another operator: it speaks HTTP instead of typed RPC (IDENTITY.md §2.G). */
export interface ExternalGateway {
  /** Its resource identifier, and its client id here. */
  readonly uri: string;
  /** Public keys that it signs its assertions with. */
  readonly jwks: JsonWebKeySet;
  /** Where security event tokens are pushed to (RFC 8935). */
  readonly pushUri: string;
}

const setting = z.array(
  z.object({
    uri: z.url(),
    jwks: z.object({ keys: z.array(z.record(z.string(), z.unknown())).min(1) }),
    push_uri: z.url(),
  }),
);

/**
 * Reads the setting `EXTERNAL_GATEWAYS`, a JSON array of `{ uri, jwks, push_uri }`.
 * @throws ZodError naming what is wrong
 */
export function readExternalGateways(text: string | undefined): readonly ExternalGateway[] {
  return setting.parse(JSON.parse(text ?? "[]")).map(({ uri, jwks, push_uri }) => ({
    uri: uri.replace(/\/$/, ""),
    jwks,
    pushUri: push_uri,
  }));
}

/** One message to an external gateway as a security event token. @throws Error unless it is acknowledged */
export async function pushEvent(
  gateway: ExternalGateway,
  signer: Signer,
  issuer: string,
  user: string,
  message: OutboxMessage & { readonly kind: "revoked" | "claimed" },
): Promise<void> {
  const event =
    message.kind === "revoked"
      ? { handle: message.handle, epoch: message.epoch, reason: message.reason }
      : { device: message.device };
  const token = await signer.sign(
    {
      iss: issuer,
      aud: gateway.uri,
      iat: Math.floor(Date.now() / 1000),
      jti: crypto.randomUUID(),
      sub_id: { format: "opaque", id: user },
      events: { [eventTypes[message.kind]]: event },
    },
    "secevent+jwt",
  );
  const answer = await fetch(gateway.pushUri, {
    method: "POST",
    redirect: "manual",
    headers: { "content-type": "application/secevent+jwt", accept: "application/json" },
    body: token,
    signal: AbortSignal.timeout(5000),
  });
  if (answer.status !== 202) throw new Error("not acknowledged");
}
