import type { CanonicalTopic, Message } from "../../engines/broker/message.ts";
import { deviceOf, devicePrefix } from "../../engines/broker/mount.ts";
import { createLog } from "../../engines/log/log.ts";
import type { ClaimedDevice } from "../../engines/oauth/authority.ts";
import {
  type BatchAnswer,
  batchEvents,
  type EventBatch,
  type Interest,
  type OffsetEvent,
  type Result,
  type ResultDelivery,
  type ResultPosition,
  topicMatches,
} from "../../engines/streams/hand-over.ts";

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

/** What must outlive the object's memory; one row. */
interface Position {
  /** Names this sequence of offsets. */
  readonly source: string;
  /** Offsets up to here may have been given out: after a crash counting goes on behind it. */
  readonly reserved: number;
  /** Results up to here were carried out. */
  readonly taken: ResultPosition;
  readonly interest: Interest;
}

const log = createLog("pcm-streams", console.log);
const reserveOffsets = 4_096;
/** Events that may wait while the rules cannot be reached; the newest are dropped above it. */
const maxWaiting = 10_000;
const maxPayloadBytes = 65_536;
const alarmDays = 30;
const retryMs = { first: 1_000, most: 60_000 };
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
const system = { kind: "system", handle: "" } as const;

/**
 * Hands what the owner's rules want to the stream app, in order and in batches: at once when nothing is under way,
 * else with the next batch. An event of QoS 1 or 2 is in the database before its publisher is told that it
 * arrived, and stays there until the stream app has it. Results come back numbered; each is carried out once.
 *
 * @see STREAMS.md §3
 */
export class StreamHandOver {
  readonly #ports: StreamPorts;
  #position: Position;
  #nextOffset: number;
  #queue: OffsetEvent[] = [];
  /** Of this turn, not yet in the database. */
  #unsaved: OffsetEvent[] = [];
  #isUnderWay = false;
  #failures = 0;
  #retryAtMs: number | undefined;
  readonly #isWanted = new Map<string, boolean>();

  constructor(ports: StreamPorts) {
    this.#ports = ports;
    ports.sql.exec(
      `CREATE TABLE IF NOT EXISTS stream_position (only_row INTEGER PRIMARY KEY, content TEXT NOT NULL);
       CREATE TABLE IF NOT EXISTS stream_event (last_offset INTEGER PRIMARY KEY, events TEXT NOT NULL)`,
    );
    const [row] = ports.sql.exec<{ content: string }>("SELECT content FROM stream_position").toArray();
    // Written by #save.
    this.#position = row === undefined ? newPosition() : (JSON.parse(row.content) as Position);
    this.#nextOffset = this.#position.reserved + 1;
    for (const { events } of ports.sql.exec<{ events: string }>(
      "SELECT events FROM stream_event ORDER BY last_offset",
    )) {
      this.#queue.push(...(JSON.parse(events) as OffsetEvent[])); // written by flush
    }
  }

  /** Sees every message that the broker hands out. */
  observe(message: Message): void {
    if (this.#position.interest.filters.length === 0) return;
    const handle = deviceOf(message.topicName);
    if (handle === undefined) return;
    const topic = message.topicName.slice(devicePrefix(handle).length);
    if (!this.#wants(topic) || this.#queue.length >= maxWaiting) return;
    const device = this.#ports.devices().find((candidate) => candidate.handle === handle);
    const payload = textOf(message.payload);
    if (device === undefined || payload === undefined) return;
    const event: OffsetEvent = [
      this.#nextOffset++,
      { device: handle, name: device.name, topic, payload, atMs: Date.now() },
    ];
    this.#queue.push(event);
    if (message.qos > 0) this.#unsaved.push(event);
  }

  /** Ends a turn: what must not be lost is written in the turn's own commit, and a batch goes out. */
  flush(): void {
    if (this.#queue.length === 0) return;
    if (this.#nextOffset > this.#position.reserved) {
      this.#save({ ...this.#position, reserved: this.#nextOffset + reserveOffsets });
    }
    const last = this.#unsaved.at(-1);
    if (last !== undefined) {
      const events = JSON.stringify(this.#unsaved);
      this.#unsaved = [];
      this.#ports.sql.exec("INSERT INTO stream_event (last_offset, events) VALUES (?, ?)", last[0], events);
    }
    if (this.#retryAtMs === undefined) this.#send();
  }

  /** The alarm went off, perhaps for something else. */
  retry(): void {
    if (this.#retryAtMs !== undefined && this.#retryAtMs > Date.now()) {
      this.#ports.wakeAt(this.#retryAtMs);
      return;
    }
    this.#retryAtMs = undefined;
    this.#send();
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
    this.#ports.publish(fresh.flatMap((result) => this.#messageOf(result) ?? []));
    return this.#position.taken;
  }

  /** The user is gone. */
  async forget(): Promise<void> {
    this.#ports.sql.exec("DELETE FROM stream_position");
    this.#ports.sql.exec("DELETE FROM stream_event");
    this.#queue = [];
    this.#unsaved = [];
    this.#isWanted.clear();
    const hadRules = this.#position.interest.version > 0;
    this.#position = newPosition();
    this.#nextOffset = 1;
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

  /** One batch at a time keeps the order; while it is under way the next one grows. */
  #send(): void {
    const { rules, user } = this.#ports;
    if (this.#isUnderWay || this.#queue.length === 0 || rules === undefined) return;
    this.#isUnderWay = true;
    const events = this.#queue.slice(0, batchEvents);
    const { source, taken } = this.#position;
    void rules.take(user, { source, events, taken }).then(
      (answer) => this.#taken(answer, events.at(-1)?.[0] ?? 0, source),
      () => this.#notTaken(),
    );
  }

  #taken(answer: BatchAnswer, lastSent: number, source: string): void {
    this.#isUnderWay = false;
    if (source !== this.#position.source) return; // forgotten meanwhile
    this.takeResults(answer);
    if (answer.accepted < lastSent) {
      this.#notTaken();
      return;
    }
    this.#failures = 0;
    this.#queue = this.#queue.filter(([offset]) => offset > answer.accepted);
    this.#ports.sql.exec("DELETE FROM stream_event WHERE last_offset <= ?", answer.accepted);
    this.#send();
  }

  #notTaken(): void {
    this.#isUnderWay = false;
    this.#failures += 1;
    log.warn("rules.unavailable", { code: "UNAVAILABLE", count: this.#queue.length });
    this.#retryAtMs = Date.now() + Math.min(retryMs.most, retryMs.first * 2 ** (this.#failures - 1));
    this.#ports.wakeAt(this.#retryAtMs);
  }

  #save(position: Position): void {
    this.#position = position;
    this.#ports.sql.exec(
      "INSERT OR REPLACE INTO stream_position (only_row, content) VALUES (1, ?)",
      JSON.stringify(position),
    );
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
    source: crypto.randomUUID(),
    reserved: 0,
    taken: { origin: "", number: 0 },
    interest: { origin: "", version: 0, filters: [] },
  };
}

function topic(name: string): CanonicalTopic {
  return name as CanonicalTopic; // made here, in the canonical tree
}

/** Rules read text; anything else, such as CBOR, is none of theirs. */
function textOf(payload: Uint8Array): string | undefined {
  if (payload.byteLength === 0 || payload.byteLength > maxPayloadBytes) return undefined;
  try {
    return utf8.decode(payload);
  } catch {
    return undefined;
  }
}
