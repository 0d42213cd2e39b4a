import { type Clock, systemClock } from "../../sdk/clock.ts";
import { CookieJar } from "./cookie-jar.ts";
import { type FormField, type HtmlForm, headingOf, parseForms } from "./html-forms.ts";

/** A page as a person sees it: where it is, and what it says. */
export interface Page {
  readonly url: URL;
  readonly status: number;
  readonly html: string;
  readonly forms: readonly HtmlForm[];
  readonly heading: string;
}

/** The person could not get any further; `page` is where they stand. */
export class PersonStuck extends Error {
  override readonly name = "PersonStuck";
  readonly page: Page | undefined;

  constructor(message: string, page?: Page) {
    super(page === undefined ? message : `${message} (on "${page.heading}", HTTP ${page.status})`);
    this.page = page;
  }
}

/** Who the person is, and the network and time they live in. */
export interface PersonOptions {
  /** What they answer the login page with. */
  readonly login: string;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

/** What the person ticks on the selection page: everything that is offered, or only these device handles. */
export type Ticks = "all" | readonly string[];

/**
 * A person without a screen: follows redirects, keeps cookies, and fills in plain HTML forms, as somebody with
 * scripts switched off would. Everything they do goes through the pages that everybody uses.
 */
export class Person {
  readonly #login: string;
  readonly #fetch: typeof fetch;
  readonly #cookies: CookieJar;
  readonly #clock: Clock;

  constructor({ login, fetch: ownFetch = fetch, clock = systemClock }: PersonOptions) {
    this.#login = login;
    this.#fetch = ownFetch;
    this.#clock = clock;
    this.#cookies = new CookieJar(() => clock.now());
  }

  /**
   * Claims the device with the code on its label.
   * @param label the label's URL (the code is its fragment).
   * @returns the page that says so.
   * @throws PersonStuck with the page that refused.
   */
  async claim(
    label: URL,
    { deviceName, decision = "approve" }: { deviceName: string; decision?: "approve" | "deny" },
  ): Promise<Page> {
    const code = decodeURIComponent(label.hash.slice(1));
    if (code === "") throw new PersonStuck("the label holds no code");
    const start = await this.open(new URL(label.pathname, label));
    const confirmed = await this.#walk(start, (form, page) => {
      if (has(form, "code")) return page.status < 400 ? fill(form, { code }) : undefined;
      if (offers(form, "decision"))
        return fill(form, { name: deviceName }, { name: "decision", value: decision });
      return undefined;
    });
    if (confirmed.status >= 400) throw new PersonStuck("the claim was refused", confirmed);
    if (confirmed.decisions === 0) throw new PersonStuck("nobody asked for a decision", confirmed);
    return confirmed;
  }

  /**
   * Answers an app's request for access.
   * @param authorizationUrl where the app sends its user.
   * @param redirectUri the app's own page; its address with the answer is returned instead of being opened.
   */
  async consent(
    authorizationUrl: URL,
    redirectUri: string,
    {
      read = "all",
      command = "all",
      decision = "approve",
    }: { read?: Ticks; command?: Ticks; decision?: "approve" | "deny" } = {},
  ): Promise<URL> {
    const page = await this.#walk(
      await this.open(authorizationUrl, redirectUri),
      (form) => {
        if (!offers(form, "decision")) return undefined;
        return fill(form, { read, command }, { name: "decision", value: decision });
      },
      redirectUri,
    );
    if (!isAt(page.url, redirectUri)) throw new PersonStuck("the app got no answer", page);
    return page.url;
  }

  /** Ends an app's access on the page that lists apps. @param appName as the page writes it. */
  async revokeApp(didp: string, appName: string): Promise<Page> {
    const list = await this.#walk(await this.open(new URL("/me/apps", didp)), () => undefined);
    const form = list.forms.find(
      (candidate) =>
        /\/me\/apps\/[^/]+\/revoke$/.test(candidate.action.pathname) && isNear(list.html, candidate, appName),
    );
    if (form === undefined) throw new PersonStuck(`there is no app called ${appName}`, list);
    return await this.submit(list, fill(form, {}, { name: "decision", value: "revoke" }));
  }

  /** Opens a page and follows redirects (at most 20), but not to `stopAt`. */
  async open(url: URL, stopAt?: string): Promise<Page> {
    return await this.#request(url, { method: "GET" }, stopAt);
  }

  /** Submits a filled-in form. */
  async submit(page: Page, { form, entries }: FilledForm, stopAt?: string): Promise<Page> {
    const body = new URLSearchParams(entries.map(([name, value]): [string, string] => [name, value]));
    if (form.method === "get") {
      const url = new URL(form.action);
      url.search = body.toString();
      return await this.#request(url, { method: "GET" }, stopAt);
    }
    return await this.#request(form.action, { method: "POST", body, origin: page.url.origin }, stopAt);
  }

  /**
   * Goes from page to page while `answer` (or the login) knows what to do, at most 12 forms. A page that asks for
   * nothing but looks again by itself is waited for, at most 20 times; not after the decision.
   */
  async #walk(
    start: Page,
    answer: (form: HtmlForm, page: Page) => FilledForm | undefined,
    stopAt?: string,
  ): Promise<Page & { readonly decisions: number }> {
    let page = start;
    let decisions = 0;
    let waits = 0;
    for (let forms = 0; forms < 12; ) {
      if (stopAt !== undefined && isAt(page.url, stopAt)) break;
      const filled = page.forms
        .map((form) => this.#logIn(form) ?? answer(form, page))
        .find((form) => form !== undefined);
      if (filled !== undefined) {
        if (filled.entries.some(([name]) => name === "decision")) decisions += 1;
        page = await this.submit(page, filled, stopAt);
        forms += 1;
        continue;
      }
      const seconds = refreshSeconds(page.html);
      if (seconds === undefined || decisions > 0 || waits >= 20) break;
      waits += 1;
      await this.#clock.sleep(seconds * 1000);
      page = await this.open(page.url, stopAt);
    }
    return { ...page, decisions };
  }

  /**
   * Choosing a login leads to `/login/{uidp}`; the local login page asks for `login`, by a field or by a button for
   * each person.
   */
  #logIn(form: HtmlForm): FilledForm | undefined {
    if (form.method === "get" && /^\/login\/[^/]+$/.test(form.action.pathname)) return fill(form, {});
    if (has(form, "login")) return fill(form, { login: this.#login });
    if (!offers(form, "login")) return undefined;
    // The local login knows more people than it has buttons for: those of load tests.
    return fill(form, {}, { name: "login", value: this.#login });
  }

  async #request(
    start: URL,
    first: { readonly method: string; readonly body?: URLSearchParams; readonly origin?: string },
    stopAt: string | undefined,
  ): Promise<Page> {
    let url = start;
    let { method, body } = first;
    for (let hops = 0; hops < 20; hops += 1) {
      if (stopAt !== undefined && isAt(url, stopAt))
        return { url, status: 0, html: "", forms: [], heading: "" };
      const cookie = this.#cookies.header(url);
      const response = await this.#fetch(url, {
        method,
        redirect: "manual",
        headers: {
          accept: "text/html",
          ...(cookie === undefined ? {} : { cookie }),
          ...(method === "POST" && first.origin !== undefined ? { origin: first.origin } : {}),
        },
        ...(body === undefined ? {} : { body }),
      });
      this.#cookies.store(url, response.headers);
      const location = response.headers.get("location");
      const html = await response.text();
      if (response.status < 300 || response.status >= 400 || location === null) {
        return { url, status: response.status, html, forms: parseForms(html, url), heading: headingOf(html) };
      }
      url = new URL(location, url);
      // 307 and 308 keep the method (RFC 9110 §15.4); the others are answered with GET, as browsers do.
      if (response.status < 307) {
        method = "GET";
        body = undefined;
      }
    }
    throw new PersonStuck("too many redirects");
  }
}

interface FilledForm {
  readonly form: HtmlForm;
  readonly entries: readonly (readonly [name: string, value: string])[];
}

/** Text goes into fields of that name; ticks into checkboxes of that name; the button, if any, is pressed last. */
function fill(
  form: HtmlForm,
  answers: Readonly<Record<string, string | Ticks>>,
  button: { readonly name: string; readonly value: string } | undefined = form.buttons.find(
    ({ name }) => name === "",
  ),
): FilledForm {
  const entries = form.fields.flatMap((field) => entryOf(field, answers[field.name]));
  if (button !== undefined && button.name !== "") entries.push([button.name, button.value]);
  return { form, entries };
}

function entryOf(
  { name, type, value, checked }: FormField,
  answer: string | Ticks | undefined,
): [string, string][] {
  if (name === "") return [];
  if (type === "checkbox") {
    const isTicked = answer === undefined ? checked : answer === "all" || answer.includes(value);
    return isTicked ? [[name, value]] : [];
  }
  if (type === "radio") return checked ? [[name, value]] : [];
  return [[name, type === "text" && typeof answer === "string" ? answer : value]];
}

function has(form: HtmlForm, fieldName: string): boolean {
  return form.fields.some(({ name, type }) => name === fieldName && type === "text");
}

function offers(form: HtmlForm, buttonName: string): boolean {
  return form.buttons.some(({ name }) => name === buttonName);
}

function isAt(url: URL, page: string): boolean {
  const expected = new URL(page);
  return url.origin === expected.origin && url.pathname === expected.pathname;
}

/** The page's own wish to be looked at again; our pages give a number and nothing else. */
function refreshSeconds(html: string): number | undefined {
  const content = /<meta http-equiv="refresh" content="(\d+)"/.exec(html)?.[1];
  return content === undefined ? undefined : Number(content);
}

/** Whether `text` stands in the page between the form before this one and this one. */
function isNear(html: string, form: HtmlForm, text: string): boolean {
  const at = html.indexOf(form.action.pathname);
  const before = html.lastIndexOf("</form>", at);
  return html.slice(Math.max(0, before), at).includes(text.replaceAll("&", "&amp;").replaceAll("<", "&lt;"));
}
