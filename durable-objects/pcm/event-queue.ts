import { createLog, type Log } from "../../engines/log/log.ts";
import { firstBatch, type OffsetEvent, type ThingEvent } from "../../engines/streams/hand-over.ts";
import { KeptRows } from "./kept-rows.ts";

/** What a queue needs. */
export interface QueuePorts {
  readonly sql: SqlStorage;
  /** Names the queue among those of its personal cloud. */
  readonly destination: string;
  /** Events that may wait while the destination cannot be reached; the newest are dropped above it. */
  readonly maxWaiting: number;
  /** Hands a batch over. @returns up to which offset it was taken. */
  send(source: string, events: readonly OffsetEvent[]): Promise<number>;
  /** Has `retry` called then, or a little later. */
  wakeAt(atMs: number): void;
}

const reserveOffsets = 4_096;
const retryMs = { first: 1_000, most: 60_000 };
/** What is in the database leaves this long after it came, even if the object sleeps or dies before and nobody calls. */
const strandedMs = 30_000;
/** Events that found no room are told of together. */
const droppedLogMs = 10_000;

/** What of a queue is read at waking, by its destination. */
interface Numbering {
  /** Names the sequence of offsets. */
  readonly source: string;
  /** Offsets up to here may have been given out. */
  readonly reserved: number;
}

/** The queues that may have something in the database, by their destinations. */
export function queuedDestinations(kept: KeptRows): string[] {
  return kept.all<Numbering>("event-queue").map(({ key }) => key);
}

/**
 * Events on their way to some rules, in order and in batches: at once when nothing is under way, else with the next
 * batch. A durable event is in the database before its publisher is told that it arrived, and stays there until it
 * was taken. Offsets grow; after a crash counting goes on behind those that may have been given out.
 *
 * @see STREAMS.md §3
 */
export class EventQueue {
  readonly #ports: QueuePorts;
  readonly #log: Log;
  readonly #kept: KeptRows;
  #source: string;
  #reserved: number;
  #nextOffset: number;
  #queue: OffsetEvent[] = [];
  /** Of this turn, not yet in the database. */
  #unsaved: OffsetEvent[] = [];
  #isUnderWay = false;
  #failures = 0;
  #retryAtMs: number | undefined;
  /** Something of it is in the database. */
  #isSaved = false;
  /** Until then an alarm has been asked for on behalf of what is in the database. */
  #rescueAtMs = 0;
  #dropped = 0;
  #droppedLoggedMs = 0;

  constructor(ports: QueuePorts, log = createLog("pcm-streams", console.log)) {
    this.#ports = ports;
    this.#log = log;
    const { sql, destination } = ports;
    this.#kept = new KeptRows(sql);
    const known = this.#kept.get<Numbering>("event-queue", destination);
    this.#source = known?.source ?? crypto.randomUUID();
    this.#reserved = known?.reserved ?? 0;
    this.#nextOffset = this.#reserved + 1;
    if (known === undefined) return;
    for (const { events } of sql.exec<{ events: string }>(
      "SELECT events FROM queued_events WHERE destination = ? ORDER BY last_offset",
      destination,
    )) {
      for (const event of JSON.parse(events) as OffsetEvent[]) this.#queue.push(event); // written by flush
      this.#isSaved = true;
    }
  }

  add(event: ThingEvent, isDurable: boolean): void {
    if (this.#queue.length >= this.#ports.maxWaiting) {
      this.#dropped += 1;
      this.#tellOfDropped();
      return;
    }
    const numbered: OffsetEvent = [this.#nextOffset++, event];
    this.#queue.push(numbered);
    if (isDurable) this.#unsaved.push(numbered);
  }

  /** Ends a turn: what must not be lost is written in the turn's own commit, and a batch goes out. */
  flush(): void {
    if (this.#queue.length === 0) return;
    const { sql, destination } = this.#ports;
    if (this.#nextOffset > this.#reserved) {
      this.#reserved = this.#nextOffset + reserveOffsets;
      const numbering: Numbering = { source: this.#source, reserved: this.#reserved };
      this.#kept.save("event-queue", destination, numbering);
    }
    for (let left: readonly OffsetEvent[] = this.#unsaved; left.length > 0; ) {
      const part = firstBatch(left);
      left = left.slice(part.length);
      sql.exec(
        "INSERT INTO queued_events (destination, last_offset, events) VALUES (?, ?, ?)",
        destination,
        part.at(-1)?.[0] ?? 0,
        JSON.stringify(part),
      );
      this.#isSaved = true;
    }
    this.#unsaved = [];
    if (this.#isSaved) this.#rescue();
    if (this.#retryAtMs === undefined) this.#send();
  }

  /** The alarm went off, perhaps for something else. */
  retry(): void {
    this.#tellOfDropped();
    if (this.#isSaved) this.#rescue();
    if (this.#retryAtMs !== undefined && this.#retryAtMs > Date.now()) {
      this.#ports.wakeAt(this.#retryAtMs);
      return;
    }
    this.#retryAtMs = undefined;
    this.#send();
  }

  /** What is meant is not handed over any more. */
  drop(isMeant: (event: ThingEvent) => boolean): void {
    const keep = ([, event]: OffsetEvent) => !isMeant(event);
    this.#queue = this.#queue.filter(keep);
    this.#unsaved = this.#unsaved.filter(keep);
    const { sql, destination } = this.#ports;
    const rows = sql.exec<{ last_offset: number; events: string }>(
      "SELECT last_offset, events FROM queued_events WHERE destination = ?",
      destination,
    );
    for (const { last_offset, events } of rows.toArray()) {
      sql.exec(
        "UPDATE queued_events SET events = ? WHERE destination = ? AND last_offset = ?",
        JSON.stringify((JSON.parse(events) as OffsetEvent[]).filter(keep)), // written by flush
        destination,
        last_offset,
      );
    }
  }

  /** Nothing of it is handed over any more; what comes later is another sequence. */
  clear(): void {
    const { sql, destination } = this.#ports;
    this.#kept.delete("event-queue", destination);
    sql.exec("DELETE FROM queued_events WHERE destination = ?", destination);
    this.#source = crypto.randomUUID();
    this.#reserved = 0;
    this.#nextOffset = 1;
    this.#queue = [];
    this.#unsaved = [];
    this.#isSaved = false;
    this.#retryAtMs = undefined;
  }

  /** One batch at a time keeps the order; while it is under way the next one grows. */
  #send(): void {
    if (this.#isUnderWay || this.#queue.length === 0) return;
    this.#isUnderWay = true;
    const events = firstBatch(this.#queue);
    const source = this.#source;
    void this.#ports.send(source, events).then(
      (accepted) => this.#taken(accepted, events.at(-1)?.[0] ?? 0, source),
      () => this.#notTaken(source),
    );
  }

  #taken(accepted: number, lastSent: number, source: string): void {
    if (source !== this.#source) {
      this.#notTaken(source);
      return;
    }
    this.#queue = this.#queue.filter(([offset]) => offset > accepted);
    this.#forgetSaved(accepted);
    if (accepted < lastSent) {
      this.#notTaken(source);
      return;
    }
    this.#isUnderWay = false;
    this.#failures = 0;
    this.#send();
  }

  #forgetSaved(upTo: number): void {
    if (!this.#isSaved) return;
    const { sql, destination } = this.#ports;
    sql.exec("DELETE FROM queued_events WHERE destination = ? AND last_offset <= ?", destination, upTo);
    const [row] = sql
      .exec("SELECT 1 FROM queued_events WHERE destination = ? LIMIT 1", destination)
      .toArray();
    this.#isSaved = row !== undefined;
  }

  #rescue(): void {
    if (this.#rescueAtMs > Date.now()) return;
    this.#rescueAtMs = Date.now() + strandedMs;
    this.#ports.wakeAt(this.#rescueAtMs);
  }

  #tellOfDropped(): void {
    if (this.#dropped === 0 || Date.now() < this.#droppedLoggedMs + droppedLogMs) return;
    this.#log.warn("events.dropped", { code: "QUOTA", count: this.#dropped });
    this.#dropped = 0;
    this.#droppedLoggedMs = Date.now();
  }

  #notTaken(source: string): void {
    this.#isUnderWay = false;
    if (source !== this.#source) {
      this.#send(); // cleared meanwhile
      return;
    }
    this.#failures += 1;
    this.#log.warn("rules.unavailable", { code: "UNAVAILABLE", count: this.#queue.length });
    this.#retryAtMs = Date.now() + Math.min(retryMs.most, retryMs.first * 2 ** (this.#failures - 1));
    this.#ports.wakeAt(this.#retryAtMs);
  }
}
