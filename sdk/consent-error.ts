import * as oauth from "oauth4webapi";

/** The user or the DIdP said no; `code` is the OAuth error code. */
export class ConsentError extends Error {
  override readonly name = "ConsentError";
  readonly code: string;

  constructor(code: string, options?: ErrorOptions) {
    super(`no access: ${code}`, options);
    this.code = code;
  }
}

/** The OAuth error code in whatever was thrown; `undefined` when it was no answer of the server. */
export function errorCode(error: unknown): string | undefined {
  if (error instanceof oauth.ResponseBodyError || error instanceof oauth.AuthorizationResponseError) {
    return error.error;
  }
  return error instanceof ConsentError ? error.code : undefined;
}

/** Anything as a ConsentError; `invalid_answer` for an answer that could not be used. */
export function refusal(error: unknown): ConsentError {
  if (error instanceof ConsentError) return error;
  return new ConsentError(errorCode(error) ?? "invalid_answer", { cause: error });
}
