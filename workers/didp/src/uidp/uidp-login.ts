import { CodedError } from "../../../../engines/errors/coded-error.ts";
import { base64url } from "../../../../engines/oauth/base64url.ts";
import type { Parameters } from "../../../../engines/oauth/parameters.ts";
import type { Config } from "../config.ts";

/** What a login begins with: a page of the provider's, or a form of our own that asks for name and password. */
export type Begun = { readonly kind: "redirect"; readonly url: URL } | { readonly kind: "password-form" };

/** What the browser brings back: the URL of a callback, or the fields of a form. */
export type Answer =
  | { readonly kind: "callback"; readonly url: URL }
  | { readonly kind: "form"; readonly fields: Parameters };

/** Who it was. */
export interface Confirmed {
  /** Stable for this person at this provider. */
  readonly subject: string;
  /** When the provider itself last made sure of it, by its clock; `undefined` if it does not say. */
  readonly authenticatedMs: number | undefined;
}

/**
 * One kind of login. What it leaves here is a subject for the pseudonymiser; tokens, assertions, passwords and
 * whatever else came with it are dropped before `finish` returns (IDENTITY.md §2.C step 4).
 */
export interface UidpLogin {
  /**
   * @param state 32 random bytes, base64url; single use
   * @param isAgain the provider is to make sure of the person anew, whatever it remembers
   */
  begin(state: string, isAgain: boolean): Promise<Begun>;
  /**
   * @param state of a login that this browser has begun here, taken out of the registry already
   * @throws CodedError `FORBIDDEN` if the login was refused, `UNAVAILABLE` if the provider cannot be reached
   */
  finish(answer: Answer, state: string): Promise<Confirmed>;
}

/** A value for one login under way that only its state and our key make; so nothing of it has to be kept. */
export async function derived(config: Config, label: string, uidpId: string, state: string): Promise<string> {
  return base64url(await config.keys.mac("session", label, uidpId, state));
}

/** Says nothing of why: a provider's words may be about the person. */
export function notCompleted(): CodedError {
  return new CodedError("FORBIDDEN", "The login was not completed.");
}

export function notAvailable(): CodedError {
  return new CodedError("UNAVAILABLE", "This login cannot be reached at the moment. Try again in a minute.");
}
