import { base64url } from "../oauth/base64url.ts";
import { payloadText } from "../streams/payload-text.ts";
import type { CanonicalTopic, Message, Publisher } from "./message.ts";
import type { BrokerState } from "./state.ts";
import { saveSoon } from "./unsaved.ts";

/** `devices/{device}/command/{name}`, or the topic of its replies. */
export interface CommandTopic {
  readonly device: string;
  readonly name: string;
  readonly isReply: boolean;
}

/** A command that was published and not answered: whoever sent it is to see the reply. */
export interface PendingCommand {
  /** Grows with every command of the user. */
  readonly id: number;
  readonly device: string;
  readonly name: string;
  readonly publisher: Publisher;
  /** What a reply may tell it by; empty if there was nothing in it. */
  readonly keys: readonly string[];
  readonly expiresAtMs: number;
}

const commandTopic = /^devices\/([^/]+)\/command\/([^/]+)(\/reply)?$/;

/** @returns `undefined` for every other topic. */
export function commandTopicOf(topicName: CanonicalTopic): CommandTopic | undefined {
  const [, device, name, reply] = commandTopic.exec(topicName) ?? [];
  if (device === undefined || name === undefined) return undefined;
  return { device, name, isReply: reply !== undefined };
}

/**
 * The commands of one user that wait for their replies, oldest first. An app sees only the replies to what it asked
 * itself: that somebody else uses a device, and what for, is none of its business (IDENTITY.md §3).
 */
export class PendingCommands {
  readonly #commands = new Map<number, PendingCommand>();
  /** Those that have no row yet. */
  readonly #unsaved = new Set<number>();
  #lastId = 0;

  constructor(stored: readonly PendingCommand[] = []) {
    for (const command of stored) {
      this.#commands.set(command.id, command);
      this.#lastId = Math.max(this.#lastId, command.id);
    }
  }

  /** Remembers a command; what its publisher, or everybody together, has beyond the limits is forgotten. */
  add(state: BrokerState, command: Omit<PendingCommand, "id">, isSavedNow: boolean): void {
    const { pendingCommandsOfOne, pendingCommands } = state.limits;
    this.forget(state, ({ expiresAtMs }) => expiresAtMs <= state.nowMs);
    const isOwn = ({ publisher: { kind, handle } }: PendingCommand) =>
      kind === command.publisher.kind && handle === command.publisher.handle;
    const own = [...this.#commands.values()].filter(isOwn);
    const oldest = own.length >= pendingCommandsOfOne ? own[0] : undefined;
    if (oldest !== undefined) this.#settle(state, oldest);
    const [first] = this.#commands.values();
    if (first !== undefined && this.#commands.size >= pendingCommands) this.#settle(state, first);
    const pending = { ...command, id: ++this.#lastId };
    this.#commands.set(pending.id, pending);
    if (isSavedNow) {
      state.store.apply({ kind: "save-command", command: pending });
      return;
    }
    this.#unsaved.add(pending.id);
    saveSoon(state);
  }

  /**
   * Finds whose command a reply answers, and settles that command: each has one reply.
   *
   * @param keys of the reply. Without any, or with none that a command had, it answers the oldest that it can be
   * about; if those are not all of one sender, nobody can tell whose it is.
   */
  answer(state: BrokerState, topic: CommandTopic, keys: readonly string[]): Publisher | undefined {
    const open = [...this.#commands.values()].filter(
      ({ device, name, expiresAtMs }) =>
        device === topic.device && name === topic.name && expiresAtMs > state.nowMs,
    );
    const named = open.filter((command) => command.keys.some((key) => keys.includes(key)));
    const unnamed = keys.length === 0 ? open : open.filter((command) => command.keys.length === 0);
    const candidates = named.length > 0 ? named : unnamed;
    const [oldest] = candidates;
    if (oldest === undefined) return undefined;
    this.#settle(state, oldest);
    const { kind, handle } = oldest.publisher;
    const isOfOne = candidates.every(
      ({ publisher }) => publisher.kind === kind && publisher.handle === handle,
    );
    return isOfOne ? oldest.publisher : undefined;
  }

  /** Forgets some, for instance those of an app whose consent has ended. */
  forget(state: BrokerState, isMeant: (command: PendingCommand) => boolean): void {
    for (const command of [...this.#commands.values()]) if (isMeant(command)) this.#settle(state, command);
  }

  /** Writes those that have no row: the object may sleep soon. */
  save(state: BrokerState): void {
    for (const id of this.#unsaved) {
      const command = this.#commands.get(id);
      if (command !== undefined) state.store.apply({ kind: "save-command", command });
    }
    this.#unsaved.clear();
  }

  #settle(state: BrokerState, { id }: PendingCommand): void {
    this.#commands.delete(id);
    if (!this.#unsaved.delete(id)) state.store.apply({ kind: "delete-command", id });
  }
}

/**
 * Follows commands and their replies as they are published.
 *
 * @returns the grant of the app that may see this message, if it is a reply to a command of an app's.
 */
export function followCommand(state: BrokerState, topic: CommandTopic, message: Message): string | undefined {
  const keys = keysOf(message);
  if (topic.isReply) {
    const asker = state.commands.answer(state, topic, keys);
    return asker?.kind === "app" ? asker.handle : undefined;
  }
  const { publisher, payload, retain, expiresAtMs, qos } = message;
  const isCleared = retain && payload.byteLength === 0;
  // A device does not command itself.
  if (publisher.kind === "device" || isCleared) return undefined;
  const { device, name } = topic;
  const untilMs = (expiresAtMs ?? state.nowMs) + state.limits.commandReplySeconds * 1000;
  state.commands.add(state, { device, name, publisher, keys, expiresAtMs: untilMs }, qos > 0);
  return undefined;
}

/** As much of a key as is compared and kept. */
const longestKey = 96;
/** A payload above this is not looked into. */
const longestParsed = 16 * 1024;

/** Correlation data (MQTT 5.0 §3.3.2.3.6), or an `id` in an object of JSON or map of CBOR (MESSAGING.md §5), or both. */
function keysOf({ properties, payload }: Message): string[] {
  const keys: string[] = [];
  const data = properties?.correlationData;
  if (data !== undefined) keys.push(`data:${base64url(data.subarray(0, longestKey))}`);
  const id = idIn(payload);
  if (id !== undefined) keys.push(`id:${id.slice(0, longestKey)}`);
  return keys;
}

function idIn(payload: Uint8Array): string | undefined {
  const [first = 0] = payload;
  const isObject = first === 0x7b || (first >= 0xa0 && first <= 0xbf) || first === selfDescribed;
  const text = isObject && payload.byteLength <= longestParsed ? payloadText(payload, undefined) : undefined;
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const id = typeof value === "object" && value !== null && "id" in value ? value.id : undefined;
    return typeof id === "string" || typeof id === "number" ? String(id) : undefined;
  } catch {
    return undefined;
  }
}

/** The first byte of the tag that says that CBOR follows (RFC 8949 §3.4.6). */
const selfDescribed = 0xd9;
