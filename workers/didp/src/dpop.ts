import type { Client } from "../../../durable-objects/registry/clients.ts";
import { checkDpopProof } from "../../../engines/oauth/jwt-verification.ts";
import { OAuthError } from "../../../engines/oauth/oauth-error.ts";
import type { DidpContext } from "./didp-app.ts";
import { isFirstUse } from "./replay.ts";

/**
 * The key that the request proves (RFC 9449), if it does: each proof once.
 * @throws OAuthError `invalid_dpop_proof` for a wrong one, or none from an app that registered to send them
 */
export async function readProof(
  c: DidpContext,
  client: Client & { kind: "app" },
): Promise<string | undefined> {
  const header = c.req.header("dpop");
  if (header === undefined) {
    if (client.metadata.dpopBound) throw new OAuthError("invalid_dpop_proof", "This app sends a DPoP proof.");
    return undefined;
  }
  const proof = await checkDpopProof(header, "POST", `${c.var.config.issuer}${c.req.path}`, Date.now());
  const isNew = proof !== undefined && (await isFirstUse(c, proof.thumbprint, "dpop", proof.id));
  if (proof === undefined || !isNew)
    throw new OAuthError("invalid_dpop_proof", "The DPoP proof is not valid.");
  return proof.thumbprint;
}
