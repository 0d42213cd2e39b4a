import type { IdTokenWishes } from "../../../durable-objects/registry/app-consents.ts";
import { signerOf } from "../../../durable-objects/registry/signer.ts";
import { base64url } from "../../../engines/oauth/base64url.ts";
import type { Config } from "./config.ts";

const LIFE_SECONDS = 300;

/**
 * An ID token that says "the same person as last time, at this app" and nothing else: a pairwise subject, no
 * name, no mail; the time of login only for an app that asked for it by `max_age` (OpenID Connect Core §2, §8.1).
 */
export async function idTokenFor(
  config: Config,
  oauthClientId: string,
  anon: string,
  { nonce, authenticatedMs }: IdTokenWishes,
): Promise<string> {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const subject = await config.keys.mac("reference", "pairwise-subject", oauthClientId, anon);
  return (await signerOf(config.keys)).sign({
    iss: config.issuer,
    aud: oauthClientId,
    sub: base64url(subject.slice(0, 16)),
    iat: nowSeconds,
    exp: nowSeconds + LIFE_SECONDS,
    ...(nonce === undefined ? {} : { nonce }),
    ...(authenticatedMs === undefined ? {} : { auth_time: Math.floor(authenticatedMs / 1000) }),
  });
}
