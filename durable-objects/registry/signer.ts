import { base64url } from "../../engines/oauth/base64url.ts";
import type { KeyRing } from "../../engines/oauth/key-ring.ts";
import { type SigningKey, signingKeyFrom } from "../../engines/oauth/signing-key.ts";

/** Signs what the DIdP says to be shown to others: receipts, ID tokens. */
export type Signer = SigningKey;

const signers = new WeakMap<KeyRing, Promise<Signer>>();

/** The one signing key, Ed25519, derived from the key ring: nothing more to keep or to lose. */
export function signerOf(keys: KeyRing): Promise<Signer> {
  const kept = signers.get(keys);
  if (kept !== undefined) return kept;
  const made = makeSigner(keys);
  signers.set(keys, made);
  return made;
}

async function makeSigner(keys: KeyRing): Promise<Signer> {
  const kid = base64url((await keys.mac("registration", "signing-key-id")).slice(0, 8));
  return signingKeyFrom(await keys.mac("registration", "signing-key"), kid);
}
