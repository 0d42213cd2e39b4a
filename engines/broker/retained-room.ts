import { leastRetainedBytes, type Message, type Publisher, retainedBytes } from "./message.ts";
import { grantTopic } from "./mount.ts";
import type { BrokerState } from "./state.ts";
import type { RetainedSize } from "./store.ts";

/** Whose a retained message is, and what it counts. */
export interface Retained {
  readonly publisher: Publisher;
  readonly bytes: number;
}

/** Of a message that is, or is to be, retained. */
export function sizeOf(message: Message): Retained;
export function sizeOf(message: Message | undefined): Retained | undefined;
export function sizeOf(message: Message | undefined): Retained | undefined {
  return message && { publisher: message.publisher, bytes: retainedBytes(message) };
}

/** What a publisher wrote a while ago at QoS 0 is still its own, and all that is so kept counts the same. */
export function lightOf(publisher: Publisher): Retained {
  return { publisher, bytes: leastRetainedBytes };
}

/** How much each publisher retains, that past its expiry included. */
export class RetainedTotals {
  readonly #byPublisher = new Map<string, RetainedSize>();
  readonly countedAtMs: number;
  all: RetainedSize = { topics: 0, bytes: 0 };

  constructor(sizes: Iterable<readonly [Publisher, RetainedSize]>, nowMs: number) {
    this.countedAtMs = nowMs;
    for (const [publisher, size] of sizes) this.#add(publisher, size);
  }

  of(publisher: Publisher): RetainedSize {
    return this.#byPublisher.get(keyOf(publisher)) ?? { topics: 0, bytes: 0 };
  }

  /** One message took the place of another; `undefined` is none. */
  count(from: Retained | undefined, to: Retained | undefined): void {
    if (from !== undefined) this.#add(from.publisher, { topics: -1, bytes: -from.bytes });
    if (to !== undefined) this.#add(to.publisher, { topics: 1, bytes: to.bytes });
  }

  #add(publisher: Publisher, change: RetainedSize): void {
    this.all = sum(this.all, change);
    const size = sum(this.of(publisher), change);
    if (size.topics > 0) this.#byPublisher.set(keyOf(publisher), size);
    else this.#byPublisher.delete(keyOf(publisher));
  }
}

function sum(a: RetainedSize, b: RetainedSize): RetainedSize {
  return { topics: a.topics + b.topics, bytes: a.bytes + b.bytes };
}

function keyOf({ kind, handle }: Publisher): string {
  return `${kind}/${handle}`;
}

/** The totals as they are; one query over all retained messages after waking or a sweep. */
export function retainedTotals(state: BrokerState): RetainedTotals {
  state.retainedTotals ??= new RetainedTotals(state.store.retainedSizes(), state.nowMs);
  return state.retainedTotals;
}

const consentTopic = new RegExp(`^${grantTopic("[^/]+")}$`);

/** Whether a message may be retained in the place of `previous`, by its publisher and by all of the user together. */
export function hasRoomFor(state: BrokerState, message: Message, previous: Retained | undefined): boolean {
  const { publisher, topicName } = message;
  const bytes = retainedBytes(message);
  const own = previous !== undefined && keyOf(previous.publisher) === keyOf(publisher) ? previous : undefined;
  if (own !== undefined && bytes <= own.bytes) return true;
  // Each consent has one such topic, and its app relies on it.
  if (consentTopic.test(topicName)) return true;
  const {
    retainedMessages,
    retainedMessagesOfOne,
    retainedBytes: mostBytes,
    retainedBytesOfOne,
  } = state.limits;
  const totals = retainedTotals(state);
  const isOfOne = publisher.kind === "device" || publisher.kind === "app";
  const mostOfOne = { topics: retainedMessagesOfOne, bytes: retainedBytesOfOne };
  if (isOfOne && !fits(totals.of(publisher), own, bytes, mostOfOne)) return false;
  return fits(totals.all, previous, bytes, { topics: retainedMessages, bytes: mostBytes });
}

/** Whether a message fits in the place of another. */
function fits(
  size: RetainedSize,
  previous: Retained | undefined,
  bytes: number,
  most: RetainedSize,
): boolean {
  const hasTopic = previous !== undefined || size.topics < most.topics;
  return hasTopic && size.bytes - (previous?.bytes ?? 0) + bytes <= most.bytes;
}
