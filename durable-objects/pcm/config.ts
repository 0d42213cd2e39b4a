import { defaultLimits, type Limits } from "../../engines/broker/limits.ts";
import { CodedError } from "../../engines/errors/coded-error.ts";

/**
 * The limits of every broker of this script.
 *
 * @param text the variable `LIMITS`: a JSON object with those of `Limits` that differ from the default, such as
 * `{"messagesPerSecond":5000,"messageBurst":50000}`. Absent or empty changes nothing.
 * @throws CodedError `BAD_REQUEST` on an unknown name or a value that is not a number from 0 up: a limit that was
 * meant to hold must not be lost to a slip.
 */
export function limitsFrom(text: string | undefined): Limits {
  if (text === undefined || text === "") return defaultLimits;
  const changes: unknown = JSON.parse(text);
  if (typeof changes !== "object" || changes === null)
    throw new CodedError("BAD_REQUEST", "LIMITS: not an object");
  for (const [name, value] of Object.entries(changes)) {
    const isLimit = name in defaultLimits && typeof value === "number" && value >= 0;
    if (!isLimit) throw new CodedError("BAD_REQUEST", `LIMITS: ${name} is no limit or not a number`);
  }
  return { ...defaultLimits, ...changes };
}
