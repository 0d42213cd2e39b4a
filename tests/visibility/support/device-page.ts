import type { Page, Person } from "../../../cli/sim/person.ts";
import { send, whenItSays } from "./forms.ts";

/**
 * Presses a button of a device on its owner's page, and says yes when asked again.
 * @param reference part of the form's address; any device if "".
 * @returns the page that says that it is done.
 * @throws Error when it went no further.
 */
export async function pressOnDevice(
  person: Person,
  didp: string,
  action: "release" | "transfer" | "lost" | "found" | "reapprove",
  reference = "",
): Promise<Page> {
  let page: Page = await person.open(new URL("/me/devices", didp));
  for (let presses = 0; presses < 2; presses += 1) {
    const form = page.forms.find(
      ({ action: { pathname } }) => pathname.endsWith(`/${action}`) && pathname.includes(reference),
    );
    const button = form?.buttons.find(({ name }) => name === "decision");
    if (form === undefined || button === undefined) break;
    const entries = [...form.fields, button].map(({ name, value }): [string, string] => [name, value]);
    page = await person.submit(page, { form, entries });
    if (page.status >= 400) break;
    if (page.url.pathname === "/me/devices" || offerIn(page) !== undefined) return page;
  }
  throw new Error(`${action} went no further than "${page.heading}" (HTTP ${page.status})`);
}

/** Lets go of a device. */
export async function releaseDevice(person: Person, didp: string, reference = ""): Promise<void> {
  await pressOnDevice(person, didp, "release", reference);
}

/** The link with which whoever opens it takes the device over. */
export async function offerDevice(person: Person, didp: string, reference: string): Promise<URL> {
  const token = offerIn(await pressOnDevice(person, didp, "transfer", reference));
  if (token === undefined) throw new Error("the page shows no link");
  return new URL(`/t#${token}`, didp);
}

/** The references of the devices on a person's page. */
export async function deviceReferences(person: Person, didp: string): Promise<readonly string[]> {
  const page = await person.open(new URL("/me/devices", didp));
  return page.forms
    .map(({ action }) => /\/me\/devices\/([^/]+)\/release$/.exec(action.pathname)?.[1])
    .filter((reference) => reference !== undefined);
}

function offerIn(page: Page): string | undefined {
  return /\/t#([\w-]{43})/.exec(page.html)?.[1];
}

/** Deletes everything, until the receipt says so. */
export async function deleteAccount(person: Person, didp: string): Promise<Page> {
  const page = await person.open(new URL("/me/delete", didp));
  const asked = await send(person, page, /\/me\/delete$/, { decision: "delete" });
  return whenItSays(person, asked, "Everything is deleted");
}
