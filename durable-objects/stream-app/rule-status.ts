import { CepError } from "../../engines/cep/cep-error.ts";
import { createLog } from "../../engines/log/log.ts";
import type { ThingEvent } from "../../engines/streams/hand-over.ts";
import { type RuleError, ruleErrorOf } from "../../engines/streams/rule.ts";
import type { RuleMetrics, RuleState } from "../../engines/streams/rule-set.ts";
import type { WebhookReport } from "./outbox.ts";

/** A rule, for its owner. */
export interface RuleStatus {
  readonly name: string;
  readonly version: number;
  readonly state: RuleState;
  readonly text: string;
  readonly deployedAtMs: number;
  /** What went wrong last, if anything did. */
  readonly error?: RuleError;
  /** Operators whose state did not fit the new text; only in the answer to a deployment. */
  readonly dropped?: readonly string[];
  /** Signs the rule's webhooks; only in the answer that made it. */
  readonly webhookSecret?: string;
}

/** Numbers about one rule and about the object that runs all of a user's rules. */
export interface RuleReport extends RuleMetrics {
  readonly waitingResults: number;
  readonly logEntries: number;
  readonly checkpointAtMs: number;
  /** Of a rule that posts to servers outside. */
  readonly webhooks?: WebhookReport;
}

/** An answer that may be an error: RPC would carry the words of an exception only. */
export type Answer<T> = { readonly ok: T } | { readonly error: RuleError };

/** What a dry run is to run, and over what; without events, over those of the log, or the last of them. */
export interface TestRequest {
  readonly name?: string;
  readonly text?: string;
  readonly events?: readonly ThingEvent[];
  /** Of the log, only what came from then on. */
  readonly sinceMs?: number;
  readonly untilMs?: number;
  /** Also what each query put out, and from which events. */
  readonly isTraced?: boolean;
}

const log = createLog("stream-app", console.log);

export function refusal(code: string, message: string): { error: RuleError } {
  return { error: { code, message } };
}

export function unknownRule(name: string): { error: RuleError } {
  return refusal("NOT_FOUND", `There is no rule '${name}'`);
}

/** What `work` returns, or what it throws as an answer. */
export function answered<T>(work: () => T): Answer<T> {
  try {
    return { ok: work() };
  } catch (error) {
    if (!(error instanceof CepError)) log.error("rule.refused", { code: "INTERNAL" });
    return { error: ruleErrorOf(error) };
  }
}
