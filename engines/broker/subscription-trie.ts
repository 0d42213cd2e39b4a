import type { Subscription } from "./store.ts";

/** A filter's subscribers, and those of each share name. */
interface Node<S> {
  // Made when they are needed: most nodes of a deep filter have one child and nothing else.
  children?: Map<string, Node<S>>;
  subscribers?: Map<S, Subscription>;
  shares?: Map<string, Map<S, Subscription>>;
}

/** What matched: ordinary subscriptions with their owner, and each share group on its own. */
export interface Matched<S> {
  readonly subscriptions: readonly (readonly [S, Subscription])[];
  readonly shares: readonly ReadonlyMap<S, Subscription>[];
}

/**
 * The subscriptions of one mount, by topic level, so that a name meets only the filters that match it.
 *
 * @see MQTT 5.0 §4.7, §4.8
 */
export class SubscriptionTrie<S> {
  readonly #root: Node<S> = {};

  /** Adds or replaces the subscription of `subscriber` to `filter` (without its `$share` prefix). */
  set(filter: string, shareName: string | undefined, subscriber: S, subscription: Subscription): void {
    let node = this.#root;
    for (const level of filter.split("/")) {
      node.children ??= new Map();
      let child = node.children.get(level);
      if (child === undefined) {
        child = {};
        node.children.set(level, child);
      }
      node = child;
    }
    if (shareName === undefined) {
      node.subscribers ??= new Map();
      node.subscribers.set(subscriber, subscription);
      return;
    }
    node.shares ??= new Map();
    const group = node.shares.get(shareName) ?? new Map<S, Subscription>();
    node.shares.set(shareName, group.set(subscriber, subscription));
  }

  /** Forgets it; branches that hold nothing any more go too. */
  delete(filter: string, shareName: string | undefined, subscriber: S): void {
    const path: [Node<S>, string][] = [];
    let node = this.#root;
    for (const level of filter.split("/")) {
      const child = node.children?.get(level);
      if (child === undefined) return;
      path.push([node, level]);
      node = child;
    }
    if (shareName === undefined) node.subscribers?.delete(subscriber);
    else {
      const group = node.shares?.get(shareName);
      group?.delete(subscriber);
      if (group?.size === 0) node.shares?.delete(shareName);
    }
    for (let i = path.length - 1; i >= 0; i--) {
      const [parent, level] = path[i] as [Node<S>, string]; // i is inside the path
      const child = parent.children?.get(level);
      if (child === undefined || !isEmpty(child)) return;
      parent.children?.delete(level);
    }
  }

  /** Every subscription whose filter matches `topicName`. */
  match(topicName: string): Matched<S> {
    const levels = topicName.split("/");
    const subscriptions: [S, Subscription][] = [];
    const shares: ReadonlyMap<S, Subscription>[] = [];
    const take = (node: Node<S> | undefined) => {
      if (node === undefined) return;
      if (node.subscribers !== undefined) subscriptions.push(...node.subscribers);
      if (node.shares !== undefined) shares.push(...node.shares.values());
    };
    const walk = (node: Node<S>, depth: number): void => {
      // [MQTT-4.7.2-1] [MQTT-3.1.1:4.7.2-1] a leading wildcard does not match '$…'
      const wildcardsCount = depth > 0 || !topicName.startsWith("$");
      // "sport/#" also matches "sport": looked for before the name's end is.
      if (wildcardsCount) take(node.children?.get("#"));
      const level = levels[depth];
      if (level === undefined) {
        take(node);
        return;
      }
      const exact = node.children?.get(level);
      if (exact !== undefined) walk(exact, depth + 1);
      const any = node.children?.get("+");
      if (wildcardsCount && any !== undefined) walk(any, depth + 1);
    };
    walk(this.#root, 0);
    return { subscriptions, shares };
  }
}

function isEmpty({ children, subscribers, shares }: Node<unknown>): boolean {
  return (children?.size ?? 0) + (subscribers?.size ?? 0) + (shares?.size ?? 0) === 0;
}
