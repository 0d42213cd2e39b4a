import { base64url } from "../../../engines/oauth/base64url.ts";
import type { AppMetadata } from "../../../engines/oauth/client-metadata.ts";
import { randomSecret } from "../../../engines/oauth/key-ring.ts";
import { shardOfBytes } from "../../../engines/oauth/shard.ts";
import type { DidpContext } from "./didp-app.ts";
import { registry } from "./registries.ts";

/** What a newly registered app is told, once. */
export interface NewAppCredentials {
  readonly oauthClientId: string;
  readonly registrationToken: string;
  readonly secret: string | undefined;
}

/** Registers an app whose metadata have been checked; the registry keeps keyed hashes of what this returns. */
export async function addApp(c: DidpContext, metadata: AppMetadata): Promise<NewAppCredentials> {
  const { keys } = c.var.config;
  const idBytes = crypto.getRandomValues(new Uint8Array(16));
  const oauthClientId = `a-${base64url(idBytes)}`;
  const registrationToken = randomSecret();
  const secret = metadata.authMethod === "client_secret_basic" ? randomSecret() : undefined;
  await registry(c.env, shardOfBytes(idBytes)).addApp({
    oauthClientId,
    metadata,
    secretHash: secret === undefined ? null : await keys.hash("client-secret", secret),
    registrationHash: await keys.hash("registration-token", registrationToken),
  });
  return { oauthClientId, registrationToken, secret };
}
