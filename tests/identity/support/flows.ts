import { asDevice, DEVICE_CODE_GRANT, type MadeDevice, type TokenAnswer, tokenAnswer } from "./factory.ts";
import type { Person, View } from "./person.ts";
import type { Platform } from "./platform.ts";

/** Opens the printed link, as a browser without JavaScript: the code is typed. Up to the page after the login. */
export async function openClaim(platform: Platform, person: Person, code: string): Promise<View> {
  const start = await person.open(`${platform.didp}/d`);
  const next = await person.submit(start, { code });
  return next.title === "Who is there?" ? person.logIn(next) : next;
}

/** Switched on, claimed by this person, first tokens fetched. */
export async function ownDevice(
  platform: Platform,
  device: MadeDevice,
  person: Person,
  name = "Kitchen",
): Promise<TokenAnswer & { deviceCode: string }> {
  const post = asDevice(platform, device);
  const started = (await (await post("/device_authorization", {})).json()) as { device_code: string };
  const confirm = await openClaim(platform, person, device.user_code);
  await person.submit(confirm, { name, decision: "approve" });
  const tokens = await tokenAnswer(
    post("/token", { grant_type: DEVICE_CODE_GRANT, device_code: started.device_code }),
  );
  if (tokens.status !== 200) throw new Error(`device code: ${tokens.error}`);
  return { ...tokens, deviceCode: started.device_code };
}

/** What the gateway is told about a token. */
export async function introspect(
  platform: Platform,
  token: string,
  gateway = platform.gateway,
): Promise<{ active: boolean; authority?: { user: string; kind: string; handle: string; epoch: number } }> {
  const url = new URL(`${platform.gateway}/introspect`);
  url.search = new URLSearchParams({ uri: gateway, token }).toString();
  return (await fetch(url)).json() as Promise<{ active: boolean }>;
}

/** What the gateway has been told of its own accord. */
export async function told(platform: Platform): Promise<{
  claimed: { user: string; device: { handle: string; name: string } }[];
  revoked: { user: string; handle: string; epoch: number; reason: string }[];
}> {
  return (await fetch(`${platform.gateway}/told`)).json() as ReturnType<typeof told>;
}

/** The gateway's selection page, answered. @returns the URL to go on with */
export async function choose(
  platform: Platform,
  ticketUrl: string,
  outcome: "approved" | "denied",
): Promise<string | undefined> {
  const url = new URL(`${platform.gateway}/conclude`);
  const ticket = new URL(ticketUrl).pathname.split("/").at(-1) ?? "";
  url.search = new URLSearchParams({ uri: platform.gateway, ticket, outcome }).toString();
  const answer = (await (await fetch(url)).json()) as { returnUri: string } | null;
  return answer?.returnUri;
}

/** From the app's authorization URL to the redirect back to it. */
export async function consent(
  platform: Platform,
  person: Person,
  authorizationUrl: string,
  outcome: "approved" | "denied" = "approved",
): Promise<URL> {
  const first = await person.open(authorizationUrl);
  const page = first.title === "Who is there?" ? await person.logIn(first) : first;
  const ticket = await person.submit(page, { decision: "approve" }, { stopAt: /\/consent\// });
  const back = await choose(platform, ticket.url, outcome);
  if (back === undefined) throw new Error("the ticket was refused");
  return new URL((await person.open(back, { stopAt: /^https?:\/\/127\.0\.0\.1:9\// })).url);
}

/** Opens a page that shows how far something is, when that has ended: the server waits, not the test. */
export function openWhenDone(person: Person, url: string): Promise<View> {
  return person.open(url, { init: { headers: { prefer: "wait=30" } } });
}
