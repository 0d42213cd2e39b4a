import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import { registryOf } from "../../../durable-objects/registry/registries.ts";
import { randomInShard, type Shard } from "../../../engines/oauth/shard.ts";
import type { DidpEnv } from "../../../workers/didp/src/env.ts";
import { GATEWAY } from "./registered-device.ts";

const { REGISTRY } = env as unknown as DidpEnv; // the bindings of this suite's configuration
const shard = 3 as Shard; // below the number of shards
const home = registryOf(REGISTRY, shard);

afterEach(() => vi.useRealTimers());

async function newApp(): Promise<string> {
  const oauthClientId = `a-${randomInShard(shard, 16)}`;
  await home.addApp({
    oauthClientId,
    metadata: {
      clientName: "App",
      redirectUris: ["https://app.example/"],
      applicationType: "web",
      authMethod: "client_secret_basic",
      dpopBound: false,
    },
    secretHash: "hash",
    registrationHash: "hash",
  });
  return oauthClientId;
}

test("an app's own token says which app it is, at the gateway that it is for, for ten minutes", async () => {
  const [first, second] = [await newApp(), await newApp()];
  const { token, expiresInSeconds } = await home.issueAppToken(first, GATEWAY);
  expect(expiresInSeconds).toBe(600);
  const answer = await home.introspectApp(GATEWAY, token);
  expect(answer).toEqual({
    active: true,
    app: expect.stringMatching(/^[\w-]{22}$/),
    expiresAtMs: expect.any(Number),
  });
  // No client id leaves; another token of the same app is of the same name, another app's is not.
  expect(JSON.stringify(answer)).not.toContain(first.slice(2));
  const again = await home.introspectApp(GATEWAY, (await home.issueAppToken(first, GATEWAY)).token);
  const other = await home.introspectApp(GATEWAY, (await home.issueAppToken(second, GATEWAY)).token);
  expect(again).toMatchObject({ app: answer.active && answer.app });
  expect(other).not.toMatchObject({ app: answer.active && answer.app });
  const elsewhere = "https://elsewhere.example";
  expect(await home.introspectApp(elsewhere, token)).toEqual({ active: false });
  const there = await home.introspectApp(elsewhere, (await home.issueAppToken(first, elsewhere)).token);
  expect(there).not.toMatchObject({ app: answer.active && answer.app });
  // It is no user's: the other introspection knows nothing of it.
  expect(await home.introspect(GATEWAY, token)).toEqual({ active: false });

  vi.useFakeTimers({ now: Date.now() + 601_000, toFake: ["Date"] });
  expect(await home.introspectApp(GATEWAY, token)).toEqual({ active: false });
});

test("a banned app's token is not active any more, and only a keyed hash of a token is stored", async () => {
  const app = await newApp();
  const { token } = await home.issueAppToken(app, GATEWAY);
  const stub = REGISTRY.get(REGISTRY.idFromName(`shard-${shard}`));
  const rows = await runInDurableObject(stub, (_: unknown, { storage }: DurableObjectState) =>
    storage.sql.exec("SELECT * FROM app_token").toArray(),
  );
  expect(rows.length).toBeGreaterThan(0);
  expect(JSON.stringify(rows)).not.toContain(token);
  await home.banApp(app);
  expect(await home.introspectApp(GATEWAY, token)).toEqual({ active: false });
});
