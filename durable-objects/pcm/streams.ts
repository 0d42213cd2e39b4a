import type { CanonicalTopic, Message } from "../../engines/broker/message.ts";
import { deviceOf, devicePrefix } from "../../engines/broker/mount.ts";
import { createLog } from "../../engines/log/log.ts";
import type { ClaimedDevice } from "../../engines/oauth/authority.ts";
import {
  type BatchAnswer,
  type EventBatch,
  type Interest,
  type Result,
  type ResultDelivery,
  type ResultPosition,
  topicMatches,
} from "../../engines/streams/hand-over.ts";
import { payloadText } from "../../engines/streams/payload-text.ts";
import { EventQueue } from "./event-queue.ts";
import { KeptRows } from "./kept-rows.ts";

/** The rules' Worker, as the personal cloud calls it. */
export interface RulesBinding {
  take(user: string, batch: EventBatch): Promise<BatchAnswer>;
  forget(user: string): Promise<void>;
}

/** What the hand-over needs of its personal cloud. */
export interface StreamPorts {
  readonly sql: SqlStorage;
  readonly rules: RulesBinding | undefined;
  readonly user: string;
  devices(): readonly ClaimedDevice[];
  /** Publishes as the platform itself, in a turn of its own. */
  publish(messages: readonly Message[]): void;
  /** Has `retry` called then, or a little later. */
  wakeAt(atMs: number): void;
}

/** What must outlive the object's memory. */
interface Position {
  /** Results up to here were carried out. */
  readonly taken: ResultPosition;
  readonly interest: Interest;
}

const log = createLog("pcm-streams", console.log);
/** Events that may wait while the rules cannot be reached; the newest are dropped above it. */
const maxWaiting = 10_000;
const alarmDays = 30;
const system = { kind: "system", handle: "" } as const;

/**
 * Hands what the owner's rules want to the stream app. Results come back numbered; each is carried out once.
 *
 * @see STREAMS.md §3
 */
export class StreamHandOver {
  readonly #ports: StreamPorts;
  readonly #kept: KeptRows;
  readonly #queue: EventQueue;
  #position: Position;
  readonly #isWanted = new Map<string, boolean>();

  constructor(ports: StreamPorts) {
    this.#ports = ports;
    const { sql } = ports;
    this.#kept = new KeptRows(sql);
    this.#position = this.#kept.get<Position>("stream-position", "") ?? newPosition();
    this.#queue = new EventQueue({
      sql,
      destination: "",
      maxWaiting,
      send: (source, events) => this.#send(source, events),
      wakeAt: (atMs) => ports.wakeAt(atMs),
    });
  }

  /** Sees every message that the broker hands out. */
  observe(message: Message): void {
    if (this.#position.interest.filters.length === 0) return;
    const handle = deviceOf(message.topicName);
    if (handle === undefined) return;
    const topic = message.topicName.slice(devicePrefix(handle).length);
    if (!this.#wants(topic)) return;
    const device = this.#ports.devices().find((candidate) => candidate.handle === handle);
    const payload = payloadText(message.payload, message.properties?.contentType);
    if (device === undefined || payload === undefined) return;
    const event = { device: handle, name: device.name, topic, payload, atMs: Date.now() };
    this.#queue.add(event, message.qos > 0);
  }

  /** Ends a turn. */
  flush(): void {
    this.#queue.flush();
  }

  /** The alarm went off, perhaps for something else. */
  retry(): void {
    this.#queue.retry();
  }

  /** Which topics are wanted from now on; idempotent, and an older version changes nothing. */
  setInterest(interest: Interest): void {
    const known = this.#position.interest;
    if (known.origin === interest.origin && known.version >= interest.version) return;
    this.#save({ ...this.#position, interest });
    this.#isWanted.clear();
  }

  /** Carries out the results that were not carried out before. @returns up to which it is done. */
  takeResults({ origin, results }: ResultDelivery): ResultPosition {
    const { taken } = this.#position;
    const done = taken.origin === origin ? taken.number : 0;
    const fresh = results.filter(({ number }) => number > done);
    const last = fresh.at(-1);
    if (last === undefined) return { origin, number: done };
    this.#save({ ...this.#position, taken: { origin, number: last.number } });
    this.#publish(fresh.flatMap((result) => this.#messageOf(result) ?? []));
    return this.#position.taken;
  }

  #publish(messages: readonly Message[]): void {
    try {
      this.#ports.publish(messages);
    } catch {
      // A bug of ours: these results are lost, but they would fail again, and hold up all that come after them.
      log.error("results.failed", { code: "INTERNAL", count: messages.length });
    }
  }

  /** The user is gone. */
  async forget(): Promise<void> {
    this.#kept.delete("stream-position", "");
    this.#queue.clear();
    this.#isWanted.clear();
    const hadRules = this.#position.interest.version > 0;
    this.#position = newPosition();
    if (hadRules) await this.#ports.rules?.forget(this.#ports.user);
  }

  #wants(topic: string): boolean {
    const known = this.#isWanted.get(topic);
    if (known !== undefined) return known;
    const isWanted = this.#position.interest.filters.some((filter) => topicMatches(filter, topic));
    if (this.#isWanted.size >= 1_000) this.#isWanted.clear();
    this.#isWanted.set(topic, isWanted);
    return isWanted;
  }

  async #send(source: string, events: EventBatch["events"]): Promise<number> {
    const { rules, user } = this.#ports;
    if (rules === undefined) return 0;
    const position = this.#position;
    const answer = await rules.take(user, { source, events, taken: position.taken });
    // Nothing is carried out for a user who was forgotten meanwhile.
    if (this.#position.interest.origin === position.interest.origin) this.takeResults(answer);
    return answer.accepted;
  }

  #save(position: Position): void {
    this.#position = position;
    this.#kept.save("stream-position", "", position);
  }

  /** @returns `undefined` for a command to a device that is not this user's. */
  #messageOf(result: Result): Message | undefined {
    const base = {
      payload: new TextEncoder().encode(result.payload),
      qos: 1,
      publisher: system,
      properties: { contentType: "application/json", userProperties: [["id", result.id]] },
    } as const;
    switch (result.kind) {
      case "stream":
        return { ...base, topicName: topic(`rules/${result.rule}/${result.stream}`), retain: result.retain };
      case "alarm":
        return {
          ...base,
          topicName: topic(`alarms/${result.alarm}`),
          retain: true,
          expiresAtMs: Date.now() + alarmDays * 24 * 3600 * 1000,
        };
      case "command": {
        const device = this.#ports
          .devices()
          .find(({ handle, name }) => handle === result.device || name === result.device);
        if (device === undefined) return undefined;
        return {
          ...base,
          topicName: topic(`${devicePrefix(device.handle)}command/${result.action}`),
          retain: false,
        };
      }
      case "row":
        return undefined; // stays between the objects of a fleet
    }
  }
}

function newPosition(): Position {
  return {
    taken: { origin: "", number: 0 },
    interest: { origin: "", version: 0, filters: [] },
  };
}

function topic(name: string): CanonicalTopic {
  return name as CanonicalTopic; // made here, in the canonical tree
}
