import type { Person, View } from "../../identity/support/person.ts";

/** Sends the form of a page that has this field or button, whatever its action. */
export function submitTo(
  person: Person,
  view: View,
  action: RegExp,
  fields: Readonly<Record<string, string>> = {},
  stopAt?: RegExp,
): Promise<View> {
  return person.submit(view, fields, {
    form: (one) => action.test(one),
    ...(stopAt === undefined ? {} : { stopAt }),
  });
}

/** The text of a page's notice, or of the page that says what did not work. */
export function noticeOf(view: View): string {
  return (
    /<div class="notice[^>]*>([\s\S]*?)<\/div>/
      .exec(view.html)?.[1]
      ?.replace(/<[^>]*>/g, "")
      .trim() ?? ""
  );
}
