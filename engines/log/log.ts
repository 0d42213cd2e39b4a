/**
 * The structured log of every Worker and object: one JSON object a line, and no way to put a secret in one.
 *
 * The fields are closed. Text is only ever a word of the program (a route's name, an error code), so anything
 * that does not look like one is written as `"?"`: long strings, upper-case base64url, digits in a row, e-mail
 * addresses. What may stand in a log is IDENTITY.md §3.4.
 */
export interface LogFields {
  /** The route's template, such as `POST /token`; never a path. */
  readonly route?: string;
  readonly status?: number;
  readonly duration_ms?: number;
  readonly code?: string;
  /** From `newRequestId`. */
  readonly request_id?: string;
  readonly count?: number;
  /** Which named step of the program it was. */
  readonly step?: string;
}

export type LogLevel = "info" | "warn" | "error";

export interface Log {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

const WORDS = /^(?=.{1,64}$)[A-Z]{0,8} ?[a-z0-9_./:{}*-]*$/;
const CODE = /^[A-Z][A-Z_]{1,40}$/;
const LONG_RUN = /[A-Za-z0-9]{25,}|[0-9]{9,}/;
const REQUEST_ID = /^[0-9a-f]{12}$/;

/**
 * @param worker name of the Worker or object that writes.
 * @param write takes one finished line; `console.log` in the shells, an array in tests.
 */
export function createLog(worker: string, write: (line: string) => void, now: () => number = Date.now): Log {
  const line = (level: LogLevel, event: string, fields: LogFields = {}) =>
    write(
      JSON.stringify({
        at: new Date(now()).toISOString(),
        level,
        worker,
        event: word(event),
        route: word(fields.route),
        status: number(fields.status),
        duration_ms: number(fields.duration_ms),
        code: word(fields.code),
        request_id:
          fields.request_id === undefined
            ? undefined
            : REQUEST_ID.test(fields.request_id)
              ? fields.request_id
              : "?",
        count: number(fields.count),
        step: word(fields.step),
      }),
    );
  return {
    info: (event, fields) => line("info", event, fields),
    warn: (event, fields) => line("warn", event, fields),
    error: (event, fields) => line("error", event, fields),
  };
}

/** Twelve random hex digits that tie the lines of one request together and mean nothing outside the log. */
export function newRequestId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

function word(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  return (WORDS.test(text) || CODE.test(text)) && !LONG_RUN.test(text) ? text : "?";
}

function number(value: number | undefined): number | undefined {
  return value === undefined || !Number.isFinite(value) ? undefined : Math.round(value * 100) / 100;
}
