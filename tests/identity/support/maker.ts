import { openWhenDone } from "./flows.ts";
import { Person, type View } from "./person.ts";
import type { Platform } from "./platform.ts";

/** A request of the operator's. */
export function asOperator(
  platform: Platform,
  method: string,
  path: string,
  body: object = {},
): Promise<Response> {
  return fetch(`${platform.didp}/v1/ops${path}`, {
    method,
    headers: { authorization: `Bearer ${platform.operatorToken}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** Somebody new, who has followed an invitation of this manufacturer. */
export async function joinManufacturer(
  platform: Platform,
  manufacturer: string,
): Promise<{ person: Person; token: string }> {
  const invited = await asOperator(platform, "POST", `/manufacturers/${manufacturer}/invitations`);
  const { invitation_uri } = (await invited.json()) as { invitation_uri: string };
  const token = new URL(invitation_uri).hash.slice(1);
  const person = new Person(`maker-${crypto.randomUUID()}`);
  await person.logIn(await person.open(`${platform.didp}/mfr`));
  const joined = await person.submit(await person.open(`${platform.didp}/m`), { code: token });
  if (joined.status !== 200) throw new Error(`invitation: ${joined.status}`);
  return { person, token };
}

/** Registers a run on the manufacturer's page. @returns its page when it is done */
export async function registerRun(
  platform: Platform,
  person: Person,
  manufacturer: string,
  fields: { software_id: string; count: string; batch: string },
): Promise<View> {
  const page = await person.open(`${platform.didp}/mfr/${manufacturer}`);
  const begun = await person.submit(
    page,
    { ...fields, decision: "register" },
    { form: (action) => action.endsWith("/runs") },
  );
  return begun.status === 200 ? openWhenDone(person, begun.url) : begun;
}
