import type { Client } from "../../../durable-objects/registry/clients.ts";
import { checkDpopProof } from "../../../engines/oauth/jwt-verification.ts";
import { OAuthError } from "../../../engines/oauth/oauth-error.ts";
import type { DidpContext } from "./didp-app.ts";
import { isFirstUse } from "./replay.ts";

/**
 * As `readProof`, for a token request: an app may have registered to prove its key with each of them (RFC 9449 §5.2).
 * @throws OAuthError `invalid_dpop_proof` for a wrong one, or none from such an app
 */
export async function readTokenProof(
  c: DidpContext,
  client: Client & { kind: "app" },
): Promise<string | undefined> {
  const thumbprint = await readProof(c);
  if (thumbprint === undefined && client.metadata.dpopBound)
    throw new OAuthError("invalid_dpop_proof", "This app sends a DPoP proof.");
  return thumbprint;
}

/**
 * The key that the request proves (RFC 9449), if it does: each proof once.
 * @throws OAuthError `invalid_dpop_proof` for a wrong one
 */
export async function readProof(c: DidpContext): Promise<string | undefined> {
  const header = c.req.header("dpop");
  if (header === undefined) return undefined;
  const proof = await checkDpopProof(header, "POST", `${c.var.config.issuer}${c.req.path}`, Date.now());
  const isNew = proof !== undefined && (await isFirstUse(c, proof.thumbprint, "dpop", proof.id));
  if (proof === undefined || !isNew)
    throw new OAuthError("invalid_dpop_proof", "The DPoP proof is not valid.");
  return proof.thumbprint;
}
