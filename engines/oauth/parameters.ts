import { OAuthError } from "./oauth-error.ts";

/** Parameters of one request; each name once, none empty. */
export type Parameters = ReadonlyMap<string, string>;

/** Parameters as they came: of a name that came twice, whatever its value, the first one. */
export interface SentParameters {
  readonly parameters: Parameters;
  readonly repeated: ReadonlySet<string>;
}

/** Reads a query or a form; an empty value counts as left out. What came twice is for `refuseRepeated`. */
export function readSentParameters(text: string): SentParameters {
  const parameters = new Map<string, string>();
  const repeated = new Set<string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (parameters.has(name)) repeated.add(name);
    else if (value !== "") parameters.set(name, value);
  }
  return { parameters, repeated };
}

/**
 * RFC 6749 §3.1: a name "MUST NOT be included more than once". RFC 8707 §2 lets `resource` be; a token here is for one.
 * @param names those to look at; all if left out
 * @throws OAuthError `invalid_request`, `invalid_target`
 */
export function refuseRepeated({ repeated }: SentParameters, names: Iterable<string> = repeated): void {
  const found = [...names].filter((name) => repeated.has(name));
  if (found.some((name) => name !== "resource"))
    throw new OAuthError("invalid_request", "A parameter came twice.");
  if (found.length > 0) throw new OAuthError("invalid_target", "resource: one gateway a token.");
}

/**
 * As `readSentParameters`, where each name comes once.
 * @throws OAuthError `invalid_request`, `invalid_target`
 */
export function readParameters(text: string): Parameters {
  const sent = readSentParameters(text);
  refuseRepeated(sent);
  return sent.parameters;
}

/** @throws OAuthError `invalid_request` if it is missing. */
export function required(parameters: Parameters, name: string): string {
  const value = parameters.get(name);
  if (value === undefined) throw new OAuthError("invalid_request", `Missing parameter: ${name}.`);
  return value;
}
