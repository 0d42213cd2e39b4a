import { OAuthError } from "./oauth-error.ts";

/** Parameters of one request; each name once, none empty. */
export type Parameters = ReadonlyMap<string, string>;

/**
 * Reads a query or a form. A name that comes twice is refused, whatever its value (RFC 6749 §3.1: "MUST NOT be
 * included more than once"); an empty value counts as left out.
 * @throws OAuthError `invalid_request`
 */
export function readParameters(text: string): Parameters {
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (parameters.has(name)) throw new OAuthError("invalid_request", "A parameter came twice.");
    if (value !== "") parameters.set(name, value);
  }
  return parameters;
}

/** @throws OAuthError `invalid_request` if it is missing. */
export function required(parameters: Parameters, name: string): string {
  const value = parameters.get(name);
  if (value === undefined) throw new OAuthError("invalid_request", `Missing parameter: ${name}.`);
  return value;
}
