import { OAuthError } from "../../../engines/oauth/oauth-error.ts";
import type { DidpContext } from "./didp-app.ts";
import type { InitialAccessToken, Products } from "./products.ts";
import { bearerOf } from "./requests.ts";

/** The factory's right to register. @throws OAuthError `invalid_token` */
export async function initialAccess(c: DidpContext, products: Products): Promise<InitialAccessToken> {
  const bearer = bearerOf(c);
  const hash =
    bearer === undefined ? undefined : await c.var.config.keys.hash("initial-access-token", bearer);
  const token = hash === undefined ? undefined : await products.findToken(hash, Date.now());
  if (token === undefined) throw new OAuthError("invalid_token", "An initial access token is needed.");
  return token;
}

/** @throws OAuthError `invalid_request` if there is one of another form */
export function readIdempotencyKey(c: DidpContext): string | undefined {
  const key = c.req.header("idempotency-key");
  if (key !== undefined && !/^[\w-]{8,64}$/.test(key)) {
    throw new OAuthError("invalid_request", "Idempotency-Key: 8 to 64 letters, digits, - or _.");
  }
  return key;
}
