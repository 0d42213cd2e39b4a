/**
 * A browser without a browser: keeps cookies by host, follows redirects, fills in forms and presses named
 * buttons, as somebody with JavaScript off would.
 */
export class Person {
  readonly #cookies = new Map<string, Map<string, string>>();
  /** Every URL that was visited, for tests about what stands in URLs. */
  readonly visited: string[] = [];
  readonly account: string;

  readonly #address: string;

  /**
   * @param account the name given at the login provider
   * @param address where the edge would say that the person comes from
   */
  constructor(account: string, address = "192.0.2.1") {
    this.account = account;
    this.#address = address;
  }

  /** Opens a URL and follows redirects until a page, or until `stopAt` matches a redirect's target. */
  async open(url: string, options: { stopAt?: RegExp; init?: RequestInit } = {}): Promise<View> {
    let [next, init] = [url, options.init ?? {}];
    for (let hops = 0; hops < 20; hops++) {
      this.visited.push(next);
      const response = await fetch(next, {
        ...init,
        redirect: "manual",
        headers: {
          accept: "text/html",
          "cf-connecting-ip": this.#address,
          ...init.headers,
          cookie: this.#cookiesFor(next),
        },
      });
      this.#keepCookies(next, response);
      const location = response.headers.get("location");
      if (response.status < 300 || response.status > 399 || location === null) {
        return new View(next, response.status, response.headers, await response.text());
      }
      await response.body?.cancel();
      next = new URL(location, next).href;
      if (options.stopAt?.test(next)) return new View(next, response.status, response.headers, "");
      init = {};
    }
    throw new Error("too many redirects");
  }

  /** Sends the first form that has the button (or the form at `index`), with `fields` over its hidden ones. */
  async submit(
    view: View,
    fields: Readonly<Record<string, string>>,
    options: { stopAt?: RegExp; form?: (action: string) => boolean; headers?: Record<string, string> } = {},
  ): Promise<View> {
    const form = view.forms.find((one) => options.form?.(one.action) ?? true);
    if (form === undefined) throw new Error(`no such form at ${view.url}`);
    const values = new URLSearchParams({ ...form.hidden, ...fields });
    const target = new URL(form.action, view.url);
    const stopAt = options.stopAt === undefined ? {} : { stopAt: options.stopAt };
    if (form.method === "get") {
      target.search = values.toString();
      return this.open(target.href, stopAt);
    }
    return this.open(target.href, {
      ...stopAt,
      init: {
        method: "POST",
        body: values,
        headers: { origin: new URL(view.url).origin, ...options.headers },
      },
    });
  }

  /** From a page that offers logins to the page behind them. */
  async logIn(view: View): Promise<View> {
    let page = await this.submit(view, {}, { form: (action) => action.startsWith("/login/") });
    for (let step = 0; step < 4 && page.html.includes("interaction"); step++) {
      page = await this.submit(
        page,
        page.html.includes('name="login"') ? { prompt: "login", login: this.account, password: "x" } : {},
      );
    }
    return page;
  }

  /** A cookie's value, for tests about what a session is called. */
  cookie(url: string, name: string): string | undefined {
    return this.#cookies.get(new URL(url).host)?.get(name);
  }

  #cookiesFor(url: string): string {
    return [...(this.#cookies.get(new URL(url).host) ?? [])]
      .map(([name, value]) => `${name}=${value}`)
      .join("; ");
  }

  #keepCookies(url: string, response: Response): void {
    const { host } = new URL(url);
    const jar = this.#cookies.get(host) ?? new Map<string, string>();
    this.#cookies.set(host, jar);
    for (const line of response.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      const equals = pair.indexOf("=");
      const value = pair.slice(equals + 1);
      if (value === "" || /expires=Thu, 01 Jan 1970/i.test(line)) jar.delete(pair.slice(0, equals));
      else jar.set(pair.slice(0, equals), value);
    }
  }
}

interface Form {
  readonly action: string;
  readonly method: string;
  readonly hidden: Readonly<Record<string, string>>;
}

/** What came back: a page, or the target of a redirect that was not followed. */
export class View {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly html: string;

  constructor(url: string, status: number, headers: Headers, html: string) {
    this.url = url;
    this.status = status;
    this.headers = headers;
    this.html = html;
  }

  get title(): string {
    return /<h1[^>]*>([^<]*)</.exec(this.html)?.[1] ?? "";
  }

  get forms(): readonly Form[] {
    return [...this.html.matchAll(/<form([^>]*)>([\s\S]*?)<\/form>/g)].map(
      ([, attributes = "", body = ""]) => ({
        action: attribute(attributes, "action") ?? "",
        method: attribute(attributes, "method") ?? "get",
        hidden: Object.fromEntries(
          [...body.matchAll(/<input([^>]*)>/g)]
            .filter(([, input = ""]) => attribute(input, "type") === "hidden")
            .map(([, input = ""]) => [attribute(input, "name") ?? "", attribute(input, "value") ?? ""]),
        ),
      }),
    );
  }
}

function attribute(tag: string, name: string): string | undefined {
  return new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1]?.replaceAll("&amp;", "&");
}
