import { KeyRing, keyPurposes } from "./key-ring.ts";

/** A key ring for tests: another one for each `seed`. Never use it for anything else. */
export function testKeys(seed: number): KeyRing {
  const roots = keyPurposes.map(
    (purpose, index) => [purpose, new Uint8Array(32).fill(seed + index)] as const,
  );
  // fromEntries forgets the names; every purpose is there.
  return new KeyRing(Object.fromEntries(roots) as ConstructorParameters<typeof KeyRing>[0]);
}
