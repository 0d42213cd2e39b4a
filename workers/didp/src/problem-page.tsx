/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import type { Context } from "hono";
import { CodedError, type ErrorCode } from "../../../engines/errors/coded-error.ts";
import { problem } from "../../http/problem.ts";
import type { DidpApp } from "./didp-app.ts";
import { ProblemPage } from "./pages/shared.tsx";

const titles: Partial<Record<ErrorCode, string>> = {
  NOT_FOUND: "Not found",
  FORBIDDEN: "That did not work",
  TOO_LARGE: "Too much at once",
  UNAVAILABLE: "Not reachable at the moment",
  INTERNAL: "Something went wrong here",
};

/** An error as a page for a browser, as problem+json for anything else. Never a redirect. */
export async function problemPage(c: Context<DidpApp>, error: unknown): Promise<Response> {
  const answer = problem(c, error);
  if (!(c.req.header("accept") ?? "").includes("text/html")) return answer;
  const coded =
    error instanceof CodedError ? error : new CodedError("INTERNAL", "Something went wrong here. Try again.");
  c.status(answer.status as 400); // `problem` has a status for every code
  return c.html(<ProblemPage title={titles[coded.code] ?? "That did not work"} message={coded.message} />);
}
