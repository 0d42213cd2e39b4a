import type { DeletionState } from "../../../durable-objects/registry/deletions.ts";
import { signerOf } from "../../../durable-objects/registry/signer.ts";
import type { Config } from "./config.ts";

/** Empty of this person when the receipt is given: each has said so (IDENTITY.md §2.H, docs/storage.md). */
const STORES = [
  "registry: grants, codes, tickets, sessions, list of devices, messages on their way",
  "database: which manufacturers' pages and which apps are the person's",
  "personal cloud: devices, selections, retained values, sessions, everything that waited",
  "stream app: the person's own rules with their state, their log, webhooks and postings",
  "pseudonymiser: the pseudonym of every login, recovery codes",
];

/** Where something goes a little later, since who has it is told and told again until it has heard. */
const TOLD = [
  "rules of apps: partitions, rows and results under the handles by which they knew the person and the devices",
];

/** What stays on purpose, and leads back to nobody. */
const KEPT = [
  "registry: a keyed tombstone of the deletion, for 30 days",
  "personal cloud: a mark that no token is good any more",
  "rules of apps: what sums and counts over several people have taken in",
];

/** The receipt of a deletion that has finished: a JWT, signed with the key of `/jwks`. */
export async function deletionReceipt(
  { issuer, keys, externalGateways }: Config,
  id: string,
  state: DeletionState & { readonly finishedMs: number },
): Promise<string> {
  return (await signerOf(keys)).sign({
    iss: issuer,
    jti: id,
    iat: Math.floor(state.finishedMs / 1000),
    requested_at: new Date(state.requestedMs).toISOString(),
    finished_at: new Date(state.finishedMs).toISOString(),
    stores: STORES,
    told: [...TOLD, ...externalGateways.map(({ uri }) => `gateway of another operator: ${uri}`)],
    kept: KEPT,
  });
}
