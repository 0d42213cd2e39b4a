/** Exit codes of every command (EXPERIENCE.md §4). */
export const exitCodes = { ok: 0, failed: 1, usage: 2, auth: 3, notFound: 4, partial: 5 } as const;
/** One of `exitCodes`. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** What a command could not do; `hint` is the next sensible thing to try. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: ExitCode;
  readonly hint: string | undefined;

  constructor(exitCode: ExitCode, message: string, hint?: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
    this.hint = hint;
  }
}
