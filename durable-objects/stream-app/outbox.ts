import { createLog } from "../../engines/log/log.ts";
import { isPublicUrl } from "../../engines/net/public-url.ts";
import type { Posting } from "../../engines/streams/hand-over.ts";
import { type WebhookSecrets, webhookMessage, webhookSecret } from "../../engines/streams/webhook-message.ts";
import { type DeadLetter, OutboxStore, type WaitingPosting } from "./outbox-store.ts";

/** What a rule's owner is told about its webhooks. */
export interface WebhookReport {
  readonly waiting: number;
  readonly delivered: number;
  /** Given up, or dropped because too many waited. */
  readonly dead: number;
  /** The last ones given up, without what was in them. */
  readonly deadLetters: readonly DeadLetter[];
}

export interface OutboxOptions {
  /** Postings of all rules that may wait; newer ones are dead letters at once. */
  readonly maxWaiting: number;
  readonly allowLoopback: boolean;
  /** Names the stream app, in secret. */
  origin(): string;
  /** Something is to be done later: `dueAtMs` has changed. */
  changed(): void;
}

const log = createLog("stream-app", console.log);
const seconds = 1_000;
const minutes = 60 * seconds;
const hours = 60 * minutes;
/** After each failed try (Standard Webhooks, "Deliverability and reliability"); after the last one it is given up. */
const backOffMs = [
  5 * seconds,
  5 * minutes,
  30 * minutes,
  2 * hours,
  5 * hours,
  10 * hours,
  14 * hours,
  20 * hours,
  24 * hours,
];
const answerMs = 10 * seconds;
const atOnce = 4;
/** So that a rule is no weapon against somebody else's server. */
const perMinute = 120;
/** Receivers may take their time to learn a new secret. */
const previousSecretMs = 24 * hours;

/**
 * What rules post to servers outside. A posting is written in the turn that made it, and is deleted once it was
 * answered with 2xx: at least once, under one id. Nothing waits for an answer; the alarm sees to the tries that failed.
 */
export class Outbox {
  readonly #store: OutboxStore;
  readonly #options: OutboxOptions;
  /** Numbers. What was under way when the object's memory ended is due again. */
  readonly #underWay = new Set<number>();
  #minute = { startMs: 0, tries: 0 };

  constructor(sql: SqlStorage, options: OutboxOptions) {
    this.#store = new OutboxStore(sql);
    this.#options = options;
  }

  /** Writes what is to be posted; part of the turn that made it. */
  add(postings: readonly Posting[]): void {
    for (const posting of postings) {
      if (this.#store.count() < this.#options.maxWaiting) this.#store.add(posting, Date.now());
      else this.#bury(posting, "LIMIT");
    }
  }

  /** When something has to be tried again, ms since 1970. */
  dueAtMs(): number | undefined {
    const dueAtMs = this.#store.nextDue();
    if (dueAtMs === undefined) return undefined;
    // Whatever is under way asks again when it has its answer, if the object lives.
    const roomAtMs = this.#underWay.size > 0 ? Date.now() + answerMs : 0;
    return Math.max(dueAtMs, roomAtMs, this.#isMinuteFull() ? this.#minute.startMs + minutes : 0);
  }

  /** Starts what is due, oldest first; not to be waited for. */
  send(): void {
    for (const waiting of this.#store.due(Date.now(), atOnce + this.#underWay.size)) {
      const { number } = waiting.posting;
      if (this.#underWay.has(number)) continue;
      if (this.#underWay.size >= atOnce || this.#isMinuteFull()) return;
      this.#underWay.add(number);
      this.#minute.tries += 1;
      void this.#post(waiting).finally(() => {
        this.#underWay.delete(number);
        this.send();
        this.#options.changed();
      });
    }
  }

  /** A secret for a rule that has none yet; `undefined` if it has one. It is told only here. */
  secretFor(rule: string): string | undefined {
    if (this.#store.secrets(rule) !== undefined) return undefined;
    const current = webhookSecret(crypto.getRandomValues(new Uint8Array(32)));
    this.#store.saveSecrets(rule, { current });
    return current;
  }

  /** Another secret; for a day messages are signed with both. @returns `undefined` if the rule has none. */
  renewSecret(rule: string): string | undefined {
    const known = this.#store.secrets(rule);
    if (known === undefined) return undefined;
    const current = webhookSecret(crypto.getRandomValues(new Uint8Array(32)));
    this.#store.saveSecrets(rule, { current, previous: known.current }, Date.now() + previousSecretMs);
    return current;
  }

  report(rule: string): WebhookReport {
    return this.#store.report(rule);
  }

  /** Whether the rule has, or had, anything to post. */
  isUsedBy(rule: string): boolean {
    return this.#store.secrets(rule) !== undefined;
  }

  /** The tables are empty again. */
  forget(): void {
    this.#store.forget();
  }

  /** What names one of these is not posted any more. */
  forgetKeys(keys: readonly string[]): void {
    this.#store.forgetKeys(keys);
  }

  /** Forgets what a rule still had to post, and its secret. */
  remove(rule: string): void {
    this.#store.remove(rule);
  }

  #isMinuteFull(): boolean {
    if (Date.now() >= this.#minute.startMs + minutes) this.#minute = { startMs: Date.now(), tries: 0 };
    return this.#minute.tries >= perMinute;
  }

  async #post({ posting, tries }: WaitingPosting): Promise<void> {
    const secrets = this.#store.secrets(posting.rule);
    if (secrets === undefined) {
      this.#store.drop(posting.number);
      return;
    }
    const failure = await this.#try(posting, secrets);
    // Removed while it was under way.
    if (!this.#store.has(posting.number)) return;
    if (failure === undefined) {
      this.#store.delivered(posting.number, posting.rule);
      return;
    }
    const waitMs = failure === "410" ? undefined : backOffMs[tries];
    if (waitMs === undefined) this.#bury(posting, failure);
    else this.#store.postpone(posting.number, tries + 1, Date.now() + waitMs);
  }

  /** @returns why it has to be tried again: a status, or a word. */
  async #try(posting: Posting, secrets: WebhookSecrets): Promise<string | undefined> {
    // A later release may be stricter than the one that took the rule.
    if (!isPublicUrl(posting.url, this.#options)) return "REFUSED";
    try {
      const { headers, body } = await webhookMessage(posting, this.#options.origin(), secrets, Date.now());
      const answer = await fetch(posting.url, {
        method: "POST",
        headers,
        body,
        // Elsewhere may be inside: a redirect is an answer like any other.
        redirect: "manual",
        signal: AbortSignal.timeout(answerMs),
      });
      await answer.body?.cancel();
      return answer.ok ? undefined : String(answer.status);
    } catch {
      return "UNREACHABLE";
    }
  }

  #bury(posting: Posting, reason: string): void {
    this.#store.bury(posting, reason, Date.now());
    log.warn("webhook.given-up", { code: "UNAVAILABLE" });
  }
}
