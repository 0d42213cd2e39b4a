import { base64url } from "./base64url.ts";

/** What the DIdP keeps a root key for; one key is never used for two of these. */
export const keyPurposes = [
  "store", // keyed hashes of every secret that is looked up or compared
  "refresh", // refresh tokens
  "access", // access tokens
  "registration", // client secrets and registration access tokens of a registration
  "claim", // printed codes
  "gateway", // the pseudonym of a user at one gateway
  "session", // what hangs on a browser session: CSRF tokens, state, nonce, PKCE verifiers
  "reference", // manufacturers' device references, references in page URLs
  "rate", // address prefixes in rate limits
] as const;

export type KeyPurpose = (typeof keyPurposes)[number];

type Part = Uint8Array | string | number;

/**
 * HMAC-SHA256 under one root key a purpose. The label and every part are length-prefixed, so that no two
 * different inputs are the same bytes (IDENTITY.md §3.2, §4).
 */
export class KeyRing {
  readonly #keys: Readonly<Record<KeyPurpose, Promise<CryptoKey>>>;

  /** @param roots 32 random bytes for each purpose. */
  constructor(roots: Readonly<Record<KeyPurpose, Uint8Array<ArrayBuffer>>>) {
    const imported = keyPurposes.map((purpose) => [purpose, importKey(roots[purpose])] as const);
    // fromEntries forgets the keys' type; each purpose is in the list exactly once.
    this.#keys = Object.fromEntries(imported) as Record<KeyPurpose, Promise<CryptoKey>>;
  }

  /** @returns 32 bytes. A number counts as 8 bytes, big-endian. */
  async mac(purpose: KeyPurpose, label: string, ...parts: readonly Part[]): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(
      await crypto.subtle.sign("HMAC", await this.#keys[purpose], lengthPrefixed([label, ...parts])),
    );
  }

  /** The form in which a secret is stored and looked up: base64url of 32 bytes. */
  async hash(label: string, secret: string): Promise<string> {
    return base64url(await this.mac("store", label, secret));
  }
}

function importKey(bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

const encoder = new TextEncoder();

/** Joins parts so that their borders cannot move: a 4-byte length before each. */
export function lengthPrefixed(parts: readonly Part[]): Uint8Array<ArrayBuffer> {
  // Every MAC passes here: one buffer, as long as UTF-8 can get, instead of one for each part.
  const joined = new Uint8Array(parts.reduce<number>((sum, part) => sum + 4 + mostBytes(part), 0));
  const view = new DataView(joined.buffer);
  let at = 0;
  for (const part of parts) {
    const length = put(part, joined, view, at + 4);
    view.setUint32(at, length);
    at += 4 + length;
  }
  return joined.subarray(0, at);
}

function mostBytes(part: Part): number {
  if (typeof part === "number") return 8;
  return typeof part === "string" ? part.length * 3 : part.length;
}

/** @returns how many bytes it wrote */
function put(part: Part, into: Uint8Array<ArrayBuffer>, view: DataView, at: number): number {
  if (typeof part === "string") return putText(part, into, at);
  if (typeof part === "number") view.setBigUint64(at, BigInt(part));
  else into.set(part, at);
  return mostBytes(part);
}

/** Nearly all are ASCII, which needs no encoder. */
function putText(text: string, into: Uint8Array<ArrayBuffer>, at: number): number {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) return encoder.encodeInto(text, into.subarray(at)).written;
    into[at + index] = code;
  }
  return text.length;
}

/** Compares without telling by its time where two texts differ; their lengths are no secret. */
export function equalSecrets(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index++) difference |= a.charCodeAt(index) ^ b.charCodeAt(index);
  return difference === 0;
}

/** As `equalSecrets`, over bytes. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index++) difference |= (a[index] ?? 0) ^ (b[index] ?? 0);
  return difference === 0;
}

/** A new secret of `bytes` random bytes, as base64url. */
export function randomSecret(bytes = 32): string {
  return base64url(crypto.getRandomValues(new Uint8Array(bytes)));
}
