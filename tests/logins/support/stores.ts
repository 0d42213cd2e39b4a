import type { Platform } from "../../identity/support/platform.ts";

/** The anonymous ids that logins lead to, one for each login. */
export async function pseudonyms(platform: Platform): Promise<readonly string[]> {
  return (await platform.dump())
    .split("\n")
    .filter((line) => line.startsWith("edgenym-pseudonymiser pseudonym "))
    .map((line) => (JSON.parse(line.slice(line.indexOf("{"))) as { anon: string }).anon);
}

/** Who logged in last. */
export async function lastLoggedIn(platform: Platform): Promise<string | undefined> {
  const sessions = (await platform.dump())
    .split("\n")
    .filter((line) => / session \{/.test(line))
    .map(
      (line) =>
        JSON.parse(line.slice(line.indexOf("{"))) as { anon: string | null; logged_in_ms: number | null },
    );
  return sessions.sort((a, b) => (b.logged_in_ms ?? 0) - (a.logged_in_ms ?? 0))[0]?.anon ?? undefined;
}
