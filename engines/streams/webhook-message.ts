import { base64url } from "../oauth/base64url.ts";
import type { Posting } from "./hand-over.ts";

/** Keys of a rule's webhooks: the one that signs, and one before it that receivers may still know. */
export interface WebhookSecrets {
  /** `whsec_` and the base64 of 32 bytes, as Standard Webhooks writes it. */
  readonly current: string;
  readonly previous?: string;
}

/** One request, but for where it goes. */
export interface WebhookMessage {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const utf8 = new TextEncoder();

/** A secret of a rule. @param bytes 32 random ones. */
export function webhookSecret(bytes: Uint8Array): string {
  return `whsec_${base64(bytes)}`;
}

/**
 * Makes a posting a signed CloudEvent in structured JSON. Its id is the same at every try, and its source a name of the
 * owner's rules that only this server's receivers see: two servers cannot tell that they serve the same person.
 * @param origin names the stream app, in secret.
 * @see CloudEvents 1.0 JSON format §3, Standard Webhooks §"Webhook signatures"
 */
export async function webhookMessage(
  posting: Posting,
  origin: string,
  secrets: WebhookSecrets,
  nowMs: number,
): Promise<WebhookMessage> {
  const pairwise = base64url((await hmac(utf8.encode(origin), new URL(posting.url).origin)).subarray(0, 16));
  const id = `msg_${pairwise}.${posting.id}`;
  const body = JSON.stringify({
    specversion: "1.0",
    id,
    source: `urn:edgenym:rules:${pairwise}:${posting.rule}`,
    type: `edgenym.rule.${posting.event}`,
    ...(posting.subject !== undefined && { subject: posting.subject }),
    time: new Date(posting.atMs).toISOString(),
    datacontenttype: "application/json",
    data: JSON.parse(posting.payload),
  });
  const timestamp = String(Math.floor(nowMs / 1000));
  const signatures: string[] = [];
  for (const secret of [secrets.current, secrets.previous]) {
    if (secret === undefined) continue;
    signatures.push(await webhookSignature(secret, id, timestamp, body));
  }
  return {
    headers: {
      "content-type": "application/cloudevents+json; charset=utf-8",
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": signatures.join(" "),
    },
    body,
  };
}

/** @see Standard Webhooks, "Signature scheme": `v1`, HMAC-SHA256 */
export async function webhookSignature(
  secret: string,
  id: string,
  timestamp: string,
  body: string,
): Promise<string> {
  return `v1,${base64(await hmac(keyOf(secret), `${id}.${timestamp}.${body}`))}`;
}

function keyOf(secret: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(secret.slice("whsec_".length)), (character) => character.charCodeAt(0));
}

async function hmac(key: BufferSource, text: string): Promise<Uint8Array> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, utf8.encode(text)));
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
