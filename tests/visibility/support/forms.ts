import type { Page, Person } from "../../../cli/sim/person.ts";

/**
 * Sends the first form of a page whose action fits, its own fields with `fields` over them.
 * @throws Error if the page has no such form.
 */
export function send(
  person: Person,
  page: Page,
  action: RegExp,
  fields: Readonly<Record<string, string>> = {},
  stopAt?: string,
): Promise<Page> {
  const form = page.forms.find((one) => action.test(one.action.pathname));
  if (form === undefined) throw new Error(`no form to ${action} on "${page.heading}" (HTTP ${page.status})`);
  const kept = form.fields.filter(({ name }) => name !== "" && !Object.hasOwn(fields, name));
  const entries = [
    ...kept.map(({ name, value }): [string, string] => [name, value]),
    ...Object.entries(fields),
  ];
  return person.submit(page, { form, entries }, stopAt);
}

/** The page once it says that it is done; looked at again for ten seconds at most. */
export async function whenItSays(person: Person, page: Page, heading: string): Promise<Page> {
  let now = page;
  for (let looks = 0; looks < 200 && now.heading !== heading; looks += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    now = await person.open(now.url);
  }
  if (now.heading !== heading)
    throw new Error(`"${now.heading}" (HTTP ${now.status}) instead of "${heading}"`);
  return now;
}

/** Through the page of the local login, where there is one. @param login who it is */
export async function throughLogin(person: Person, page: Page, login: string): Promise<Page> {
  const asks = page.forms.some(({ buttons, fields }) =>
    [...buttons, ...fields].some(({ name }) => name === "login"),
  );
  return asks ? send(person, page, /\/login\//, { login }) : page;
}
