import type { Shard } from "../../engines/oauth/shard.ts";
import type { Registry } from "./registry.ts";

type Methods = Omit<Registry, "alarm" | "fetch" | "webSocketMessage" | keyof Rpc.DurableObjectBranded>;

/** A registry object as its callers see it: the same methods, each a promise. */
export type RegistryPort = {
  readonly [Name in keyof Methods]: Methods[Name] extends (...args: infer Arguments) => infer Result
    ? (...args: Arguments) => Promise<Awaited<Result>>
    : never;
};

/** The registry object that holds a shard. */
export function registryOf(namespace: DurableObjectNamespace<Registry>, shard: Shard): RegistryPort {
  // The generated stub type turns readonly tuples and `unknown` members into `never`; what travels is plain data.
  return namespace.get(namespace.idFromName(`shard-${shard}`)) as unknown as RegistryPort;
}

/** Hands a device's WebSocket upgrade to the object that holds the device. */
export function upgradeAt(
  namespace: DurableObjectNamespace<Registry>,
  shard: Shard,
  request: Request,
): Promise<Response> {
  return namespace.get(namespace.idFromName(`shard-${shard}`)).fetch(request);
}
