import { fromBase64url } from "../../engines/oauth/base64url.ts";
import { KeyRing, keyPurposes } from "../../engines/oauth/key-ring.ts";
import { RouteSealer } from "../../engines/oauth/sealed-route.ts";

const sealers = new Map<string, RouteSealer>();

/**
 * The sealer of a `ROUTE_KEY` binding: 32 bytes in base64url, the same at the gateway.
 * @throws RangeError naming the rule
 */
export function routeSealerOf(binding: string): RouteSealer {
  const kept = sealers.get(binding);
  if (kept !== undefined) return kept;
  const key = fromBase64url(binding);
  if (key?.length !== 32) throw new RangeError("ROUTE_KEY: 32 bytes in base64url");
  const sealer = new RouteSealer(key);
  sealers.set(binding, sealer);
  return sealer;
}

const rings = new Map<string, KeyRing>();

/**
 * The key ring of a `KEYS` binding: a JSON object with one base64url key of 32 bytes for each purpose. Kept for
 * the life of the isolate, so that keys are imported once.
 * @throws RangeError naming the purpose that is missing or malformed
 */
export function keyRingOf(binding: string): KeyRing {
  const kept = rings.get(binding);
  if (kept !== undefined) return kept;
  const parsed: unknown = JSON.parse(binding);
  const roots = keyPurposes.map((purpose) => {
    const text =
      typeof parsed === "object" && parsed !== null && purpose in parsed
        ? (parsed as Record<string, unknown>)[purpose] // an object that has the name
        : undefined;
    const bytes = typeof text === "string" ? fromBase64url(text) : undefined;
    if (bytes?.length !== 32) throw new RangeError(`KEYS: ${purpose} is not 32 bytes in base64url`);
    return [purpose, bytes] as const;
  });
  // fromEntries forgets the names; every purpose has been checked above.
  const ring = new KeyRing(Object.fromEntries(roots) as ConstructorParameters<typeof KeyRing>[0]);
  rings.set(binding, ring);
  return ring;
}
