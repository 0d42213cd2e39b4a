import type { QoS, TopicFilter, TopicName } from "../mqtt/packet.ts";
import { parseSharedFilter } from "../mqtt/topic.ts";
import { type CommandTopic, commandTopicOf } from "./commands.ts";
import type { CanonicalTopic } from "./message.ts";
import { appMount, deviceMount, deviceOf, grantTopic, type Mount, ownerMount } from "./mount.ts";
import type { Session } from "./session.ts";
import type { StoredGrant, Subscription } from "./store.ts";
import { SubscriptionTrie } from "./subscription-trie.ts";

/** What overlapping subscriptions of one session give together for one topic (MQTT 5.0 §3.3.4). */
export interface Granted {
  readonly qos: QoS;
  readonly retainAsPublished: boolean;
  readonly identifiers: readonly number[] | undefined;
  /** The filter with `$share/…`, if it is a shared subscription that brings the message. */
  readonly share?: TopicFilter;
}

/** One session that a topic leads to. */
export interface Target {
  readonly session: Session;
  /** The topic in the session's own names. */
  readonly topicName: TopicName;
  readonly granted: Granted;
  /** For what the session itself published: without its No Local subscriptions. */
  readonly own: Granted | undefined;
}

/** A shared subscription: one of them gets each message. */
export interface SharedTargets {
  /** Whose members they are: sessions of another mount share nothing with them. */
  readonly mount: Mount;
  /** With `$share/…`. */
  readonly topicFilter: TopicFilter;
  /** Never empty. */
  readonly members: readonly Target[];
  /** Whose turn it is, counted over all topics of the group. */
  readonly turn: { next: number };
}

/** Where one canonical topic leads. */
export interface Route {
  readonly topicName: CanonicalTopic;
  readonly targets: readonly Target[];
  readonly shared: readonly SharedTargets[];
  /** Set if it is a topic of commands or of their replies. */
  readonly command: CommandTopic | undefined;
}

/** What happens to a session's PUBLISH to one of its topics; `undefined` is a refusal. */
export type Verdict = Route | undefined;

const cachedRoutes = 2048;
const cachedVerdicts = 256;
const longestCachedTopic = 512;

/**
 * The mounts of one user and the subscriptions in them, with a cache: a topic in use costs one look-up in a map.
 * Whatever changes a subscription, a permission or a mount empties the cache; that is rare beside publishing.
 */
export class Routes {
  readonly owner: Mount;
  readonly #devices = new Map<string, Mount>();
  readonly #apps = new Map<string, Mount>();
  readonly #appsByDevice = new Map<string, Set<Mount>>();
  readonly #tries = new Map<Mount, SubscriptionTrie<Session>>();
  readonly #cache = new Map<CanonicalTopic, Route>();
  readonly #turns = new WeakMap<ReadonlyMap<Session, Subscription>, { next: number }>();
  #version = 0;

  constructor(isDevice: (handle: string) => boolean) {
    this.owner = ownerMount(isDevice);
  }

  /** The mount of a device; made when it is first asked for. */
  device(handle: string): Mount {
    const known = this.#devices.get(handle);
    if (known !== undefined) return known;
    const mount = deviceMount(handle);
    this.#devices.set(handle, mount);
    return mount;
  }

  /** The mount of an app, or `undefined` if its grant is not (or no longer) known here. */
  app(grantId: string): Mount | undefined {
    return this.#apps.get(grantId);
  }

  /**
   * Puts a grant's mount in place of the one it had.
   *
   * @param sessions those of the grant; they move over with their subscriptions.
   */
  setApp(grant: StoredGrant, sessions: Iterable<Session>): void {
    const moved = [...sessions];
    for (const session of moved) this.#unlist(session);
    this.deleteApp(grant.grantId);
    const mount = appMount(grant);
    this.#apps.set(grant.grantId, mount);
    for (const { handle } of grant.devices) {
      const apps = this.#appsByDevice.get(handle) ?? new Set();
      this.#appsByDevice.set(handle, apps.add(mount));
    }
    for (const session of moved) {
      session.mount = mount;
      this.list(session);
    }
    this.changed();
  }

  /** Forgets an app's mount; its sessions must be gone, or about to be set on another. */
  deleteApp(grantId: string): void {
    const mount = this.#apps.get(grantId);
    if (mount === undefined) return;
    this.#apps.delete(grantId);
    this.#tries.delete(mount);
    for (const apps of this.#appsByDevice.values()) apps.delete(mount);
    this.changed();
  }

  /** Lists all subscriptions of a session, for instance when it was read from the store. */
  list(session: Session): void {
    for (const subscription of session.subscriptions.values()) this.subscribe(session, subscription);
  }

  /** Forgets all subscriptions of a session in the index; the session still has them. */
  #unlist(session: Session): void {
    for (const subscription of session.subscriptions.values()) this.unsubscribe(session, subscription);
  }

  /** Forgets a session that ends. */
  remove(session: Session): void {
    this.#unlist(session);
    this.changed();
  }

  subscribe(session: Session, subscription: Subscription): void {
    const { filter, shareName } = parts(subscription);
    let trie = this.#tries.get(session.mount);
    if (trie === undefined) {
      trie = new SubscriptionTrie();
      this.#tries.set(session.mount, trie);
    }
    trie.set(filter, shareName, session, subscription);
    this.changed();
  }

  unsubscribe(session: Session, subscription: Subscription): void {
    const { filter, shareName } = parts(subscription);
    this.#tries.get(session.mount)?.delete(filter, shareName, session);
    this.changed();
  }

  /** To be called after anything that a route depends on, permissions included. */
  changed(): void {
    this.#cache.clear();
    this.#version++;
  }

  /** Where a session's PUBLISH to `topicName` (in its own names) goes, or `undefined` if it may not. */
  verdict(session: Session, topicName: TopicName): Verdict {
    if (session.verdictsVersion !== this.#version) {
      session.verdicts.clear();
      session.verdictsVersion = this.#version;
    }
    const known = session.verdicts.get(topicName);
    if (known !== undefined || session.verdicts.has(topicName)) return known;
    const verdict = this.#judge(session, topicName);
    remember(session.verdicts, topicName, verdict, cachedVerdicts);
    return verdict;
  }

  #judge(session: Session, topicName: TopicName): Verdict {
    if (!session.mayPublish(topicName)) return undefined;
    const canonical = session.mount.toCanonical(topicName);
    return canonical === undefined ? undefined : this.find(canonical);
  }

  /** Where a canonical topic leads. */
  find(topicName: CanonicalTopic): Route {
    const known = this.#cache.get(topicName);
    if (known !== undefined) return known;
    const route = this.#compute(topicName);
    remember(this.#cache, topicName, route, cachedRoutes);
    return route;
  }

  #compute(topicName: CanonicalTopic): Route {
    const targets: Target[] = [];
    const shared: SharedTargets[] = [];
    for (const mount of this.#mountsOf(topicName)) {
      const localName = mount.toLocal(topicName);
      const matched = localName === undefined ? undefined : this.#tries.get(mount)?.match(localName);
      if (localName === undefined || matched === undefined) continue;
      const bySession = new Map<Session, Subscription[]>();
      for (const [session, subscription] of matched.subscriptions) {
        const known = bySession.get(session);
        if (known === undefined) bySession.set(session, [subscription]);
        else known.push(subscription);
      }
      for (const [session, subscriptions] of bySession) {
        if (session.mayReceive(localName)) targets.push(target(session, localName, subscriptions));
      }
      for (const group of matched.shares) {
        const permitted = [...group].filter(([session]) => session.mayReceive(localName));
        const topicFilter = permitted[0]?.[1].topicFilter;
        if (topicFilter === undefined) continue;
        const members = permitted.map(([session, subscription]) => {
          const granted: Granted = { ...merge([subscription]), share: topicFilter };
          // [MQTT-3.8.3-4] there is no No Local among shared ones
          return { session, topicName: localName, granted, own: granted };
        });
        const turn = this.#turns.get(group) ?? { next: 0 };
        this.#turns.set(group, turn);
        shared.push({ mount, topicFilter, members, turn });
      }
    }
    return { topicName, targets, shared, command: commandTopicOf(topicName) };
  }

  /** The only mounts that can have a name for the topic. */
  *#mountsOf(topicName: CanonicalTopic): Iterable<Mount> {
    yield this.owner;
    const handle = deviceOf(topicName);
    if (handle !== undefined) {
      const device = this.#devices.get(handle);
      if (device !== undefined) yield device;
      yield* this.#appsByDevice.get(handle) ?? [];
    } else if (topicName.startsWith(grantTopic(""))) {
      const app = this.#apps.get(topicName.slice(grantTopic("").length).split("/", 1)[0] ?? "");
      if (app !== undefined) yield app;
    }
  }
}

function target(session: Session, topicName: TopicName, subscriptions: readonly Subscription[]): Target {
  const granted = merge(subscriptions);
  // [MQTT-3.8.3-3] No Local: not to the client that published it
  const others = subscriptions.filter((subscription) => !subscription.noLocal);
  const own =
    others.length === subscriptions.length ? granted : others.length === 0 ? undefined : merge(others);
  return { session, topicName, granted, own };
}

/** [MQTT-3.3.4-2] one copy, at the highest QoS; [MQTT-3.3.4-3] [MQTT-3.3.4-4] with every identifier. */
function merge(subscriptions: readonly Subscription[]): Granted {
  let qos: QoS = 0;
  let retainAsPublished = false;
  const identifiers: number[] = [];
  for (const subscription of subscriptions) {
    if (subscription.qos > qos) qos = subscription.qos;
    retainAsPublished ||= subscription.retainAsPublished;
    if (subscription.identifier !== undefined) identifiers.push(subscription.identifier);
  }
  return { qos, retainAsPublished, identifiers: identifiers.length === 0 ? undefined : identifiers };
}

/** A subscription's filter and its share name, taken apart. */
export function parts(subscription: Pick<Subscription, "topicFilter">): {
  filter: TopicFilter;
  shareName: string | undefined;
} {
  const shared = parseSharedFilter(subscription.topicFilter);
  return shared === undefined
    ? { filter: subscription.topicFilter, shareName: undefined }
    : { filter: shared.topicFilter, shareName: shared.shareName };
}

function remember<K extends string, V>(cache: Map<K, V>, topicName: K, value: V, bound: number): void {
  if (topicName.length > longestCachedTopic) return;
  // Dropping all is crude and cheap; a user with that many topics in use pays one look-up more for each.
  if (cache.size >= bound) cache.clear();
  cache.set(topicName, value);
}
