import type { Page, Person } from "../../../cli/sim/person.ts";

/** Lets go of a device on its owner's page and says yes when asked again. @param reference part of the form's address. */
export async function releaseDevice(person: Person, didp: string, reference = ""): Promise<void> {
  let page: Page = await person.open(new URL("/me/devices", didp));
  let presses = 0;
  for (; presses < 2; presses += 1) {
    const form = page.forms.find(
      ({ action }) => action.pathname.endsWith("/release") && action.pathname.includes(reference),
    );
    const button = form?.buttons.find(({ name }) => name === "decision");
    if (form === undefined || button === undefined) break;
    const entries = [...form.fields, button].map(({ name, value }): [string, string] => [name, value]);
    page = await person.submit(page, { form, entries });
    if (page.status >= 400) throw new Error(`the release was refused: ${page.heading}`);
    if (page.url.pathname === "/me/devices") return;
  }
  throw new Error(`the release went no further than "${page.heading}"`);
}

/** The references of the devices on a person's page, in its order. */
export async function deviceReferences(person: Person, didp: string): Promise<readonly string[]> {
  const page = await person.open(new URL("/me/devices", didp));
  return page.forms
    .map(({ action }) => /\/me\/devices\/([^/]+)\/release$/.exec(action.pathname)?.[1])
    .filter((reference) => reference !== undefined);
}
