import type { Platform } from "./platform.ts";

/** Posts a form as it stands, or as these fields, to a path of the DIdP. */
export function postForm(
  platform: Platform,
  path: string,
  body: string | Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${platform.didp}${path}`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
    body: typeof body === "string" ? body : new URLSearchParams(body).toString(),
  });
}

/** Status and `error` of a JSON answer (RFC 6749 §5.2); no error is `undefined`. */
export async function errorOf(
  response: Response | Promise<Response>,
): Promise<[status: number, error: string | undefined]> {
  const answer = await response;
  return [answer.status, ((await answer.json()) as { error?: string }).error];
}
