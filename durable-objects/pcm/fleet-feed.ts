import type { Limits } from "../../engines/broker/limits.ts";
import type { CanonicalTopic, Message } from "../../engines/broker/message.ts";
import { appMount, devicePrefix, grantTopic, type Mount } from "../../engines/broker/mount.ts";
import type { StoredGrant } from "../../engines/broker/store.ts";
import { type FleetInterest, type Spread, spreadOf } from "../../engines/fleet/fleet-hand-over.ts";
import type { TopicName } from "../../engines/mqtt/packet.ts";
import type { GatewayAppId, GrantId } from "../../engines/oauth/authority.ts";
import type { Result, ResultPosition, ThingEvent } from "../../engines/streams/hand-over.ts";
import { payloadText } from "../../engines/streams/payload-text.ts";

/** What is kept of a grant that feeds an app's rules; a row for each. */
export interface FeedRecord {
  readonly grantId: GrantId;
  readonly app: GatewayAppId;
  /** The app's own name for this user, another one with each grant. */
  readonly user: string;
  /** The way back to this personal cloud, sealed by the gateway. */
  readonly wayBack: string;
  /** The app's names for the devices that it may read. */
  readonly keys: readonly string[];
  /** Names of devices that it may not read any more, of which its rules have not heard. */
  readonly unread: readonly string[];
  readonly state: "joining" | "joined" | "leaving";
  readonly interest: FleetInterest | undefined;
  readonly taken: ResultPosition;
  /** Results that the grant did not allow. */
  readonly refused: number;
}

/** One grant's share in an app's rules: what goes out is what the app itself may see, what comes back what it may do. */
export class FleetFeed {
  record: FeedRecord;
  #known: StoredGrant | undefined;
  #spent = { atMs: 0, messages: 0 };
  #spread: Spread | undefined;
  #view: { readonly grant: StoredGrant; readonly mount: Mount } | undefined;

  constructor(record: FeedRecord) {
    this.record = record;
    this.#setSpread();
  }

  get isFeeding(): boolean {
    return this.record.state === "joined" && this.#spread !== undefined;
  }

  update(changes: Partial<FeedRecord>): void {
    this.record = { ...this.record, ...changes };
    this.#setSpread();
  }

  /** Compares with the grant as it is now. @returns the names of devices that the app may not read any more. */
  narrow(grant: StoredGrant): readonly string[] {
    if (grant === this.#known) return [];
    this.#known = grant;
    const keys = readable(grant);
    const lost = this.record.keys.filter((key) => !keys.includes(key));
    this.update({ keys, unread: [...this.record.unread.filter((key) => !keys.includes(key)), ...lost] });
    return lost;
  }

  /** The event as the app may see it, and the shards that want it; `undefined` if the app may not see it. */
  read(
    message: Message,
    grant: StoredGrant,
  ): { readonly event: ThingEvent; readonly shards: Iterable<number> } | undefined {
    const mount = this.#mountOf(grant);
    const local = mount.toLocal(message.topicName);
    if (local === undefined || !mount.view.mayReceive(local)) return undefined;
    const [, device = "", ...rest] = local.split("/");
    const payload = payloadText(message.payload, message.properties?.contentType);
    if (payload === undefined) return undefined;
    const { user } = this.record;
    const event = { device, name: "", topic: rest.join("/"), payload, atMs: Date.now(), user };
    const shards = this.#spread?.(event) ?? [];
    return { event, shards };
  }

  /** How many results may come back now: as many as the app itself may publish (forgotten in sleep, as its budget). */
  room(limits: Limits, nowMs: number): number {
    const { messagesPerSecond, messageBurst } = limits;
    const earned = ((nowMs - this.#spent.atMs) / 1000) * messagesPerSecond;
    this.#spent = { atMs: nowMs, messages: Math.max(0, this.#spent.messages - earned) };
    return Math.max(0, Math.floor(messageBurst - this.#spent.messages));
  }

  spend(messages: number): void {
    this.#spent = { ...this.#spent, messages: this.#spent.messages + messages };
  }

  /** What a result becomes here, if the app itself could do it; else the topic that it was for, as the owner writes it. */
  messageOf(result: Result, grant: StoredGrant): Message | string {
    const base = {
      payload: new TextEncoder().encode(result.payload),
      qos: 1,
      retain: false,
      properties: { contentType: "application/json" },
    } as const;
    switch (result.kind) {
      case "command": {
        const mount = this.#mountOf(grant);
        // A wrong name has no place in the mount.
        const local = `${devicePrefix(result.device)}command/${result.action}` as TopicName;
        const topicName = mount.view.mayPublish(local) ? mount.toCanonical(local) : undefined;
        if (topicName === undefined || result.device.includes("/")) return mount.toCanonical(local) ?? local;
        return { ...base, topicName, publisher: { kind: "app", handle: grant.grantId } };
      }
      case "stream": {
        const topicName =
          `${grantTopic(grant.grantId)}/rules/${result.rule}/${result.stream}` as CanonicalTopic; // made here
        return { ...base, topicName, publisher: { kind: "system", handle: "" } };
      }
      default:
        return ""; // nothing else comes back from an app's rules
    }
  }

  #mountOf(grant: StoredGrant): Mount {
    // A changed selection is another object.
    if (this.#view?.grant !== grant) this.#view = { grant, mount: appMount(grant) };
    return this.#view.mount;
  }

  #setSpread(): void {
    const { interest } = this.record;
    this.#spread = interest === undefined || interest.routes.length === 0 ? undefined : spreadOf(interest);
  }
}

/** An app's names for the devices that it may read. */
function readable(grant: StoredGrant): string[] {
  return grant.devices
    .filter(({ actions }) => actions.includes("read"))
    .map(({ pairwiseHandle }) => pairwiseHandle);
}
