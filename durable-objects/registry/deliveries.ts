import type { ClaimedDevice } from "../../engines/oauth/authority.ts";
import type { KeyRing } from "../../engines/oauth/key-ring.ts";
import { shardOf } from "../../engines/oauth/shard.ts";
import type { RegistryEnv } from "./env.ts";
import { type ExternalGateway, pushEvent } from "./external-gateways.ts";
import { userAt } from "./names-at-gateways.ts";
import type { Outbox, OutboxEntry, OutboxMessage } from "./outbox.ts";
import { registryOf } from "./registries.ts";
import { signerOf } from "./signer.ts";

/** A direct push is waited for this long, so that "revoked" usually means that the connection is gone already. */
export const PUSH_WAIT_MS = 1000;
const LEASE_MS = 10_000;

/** Takes what is in the outbox to gateways and other shards: at once, and again when the alarm rings. */
export class Deliveries {
  readonly #env: RegistryEnv;
  readonly #keys: KeyRing;
  readonly #outbox: Outbox;
  readonly #external: readonly ExternalGateway[];

  constructor(env: RegistryEnv, keys: KeyRing, outbox: Outbox, external: readonly ExternalGateway[]) {
    this.#env = env;
    this.#keys = keys;
    this.#outbox = outbox;
    this.#external = external;
  }

  /** Does the work, then pushes what it put in the outbox; the alarm stands behind it from the same commit on. */
  async pushing<T>(work: Promise<T> | T): Promise<T> {
    const result = await work;
    if ((this.#outbox.nextDueMs() ?? Infinity) > Date.now()) return result;
    await Promise.race([this.drain(), scheduler.wait(PUSH_WAIT_MS)]);
    return result;
  }

  /** Everything that is due. */
  async drain(): Promise<void> {
    const nowMs = Date.now();
    const due = this.#outbox.due(nowMs);
    for (const entry of due) this.#outbox.lease(entry.id, nowMs, LEASE_MS);
    await Promise.all(due.map((entry) => this.#deliver(entry)));
  }

  /** Tells a gateway of a claimed device with the owner's name for it, which is in no outbox. */
  async announce(gateway: string, anon: string, device: ClaimedDevice): Promise<void> {
    try {
      await this.#send({ kind: "claimed", gateway, anon, device });
      this.#outbox.dropClaimed(device.handle);
    } catch {
      // The outbox has it too, without the name.
    }
  }

  async #deliver(entry: OutboxEntry): Promise<void> {
    try {
      await this.#send(entry.message);
      this.#outbox.acknowledged(entry.id);
    } catch {
      // Whoever was not there gets it again; nothing of the message belongs into a log.
      this.#outbox.failed(entry, Date.now());
    }
  }

  async #send(message: OutboxMessage): Promise<void> {
    switch (message.kind) {
      case "revoked": {
        if (await this.#pushElsewhere(message)) return;
        const { handle, epoch, reason } = message;
        const user = await userAt(this.#keys, message.gateway, message.anon);
        return this.#env.GATEWAY.revoked({ user, handle, epoch, reason });
      }
      case "claimed":
        if (await this.#pushElsewhere(message)) return;
        return this.#env.GATEWAY.deviceClaimed(
          await userAt(this.#keys, message.gateway, message.anon),
          message.device,
        );
      case "own":
        return this.#shardOfUser(message.anon).own(message.anon, message.device);
      case "disown":
        return this.#shardOfUser(message.anon).disown(message.anon, message.gid);
    }
  }

  /** A message for a gateway of another operator leaves as a security event token. */
  async #pushElsewhere(message: OutboxMessage & { readonly kind: "revoked" | "claimed" }): Promise<boolean> {
    const gateway = this.#external.find((one) => one.uri === message.gateway);
    if (gateway === undefined) return false;
    const user = await userAt(this.#keys, message.gateway, message.anon);
    const issuer = this.#env.ISSUER.replace(/\/$/, "");
    await pushEvent(gateway, await signerOf(this.#keys), issuer, user, message);
    return true;
  }

  #shardOfUser(anon: string) {
    const shard = shardOf(anon);
    if (shard === undefined) throw new RangeError("anonymous id: not base64url");
    return registryOf(this.#env.REGISTRY, shard);
  }
}
