import * as oauth from "oauth4webapi";

/** A gateway of another operator: its key, and how a DIdP is told of it (`EXTERNAL_GATEWAYS`). */
export async function makeExternalGateway(
  uri: string,
  pushUri: string,
): Promise<{ privateKey: CryptoKey; setting: object }> {
  const keys = await oauth.generateKeyPair("ES256", { extractable: true });
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", keys.publicKey);
  return {
    privateKey: keys.privateKey,
    setting: { uri, jwks: { keys: [{ kty, crv, x, y }] }, push_uri: pushUri },
  };
}
