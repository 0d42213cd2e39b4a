import { expect, test } from "vitest";
import { EagerClock } from "../../sdk/testing/manual-clock.ts";
import { Person, PersonStuck } from "./person.ts";

interface Seen {
  readonly url: string;
  readonly method: string;
  readonly cookie: string | null;
  readonly origin: string | null;
  readonly form: readonly (readonly [string, string])[];
}

type Route = (form: URLSearchParams, cookie: string) => Response;

const html = (body: string, headers: Record<string, string> = {}, status = 200, head = "") =>
  new Response(`<!doctype html>${head}<h1>A page</h1>${body}`, {
    status,
    headers: { "content-type": "text/html", ...headers },
  });
const go = (location: string, headers: Record<string, string> = {}, status = 303) =>
  new Response(null, { status, headers: { location, ...headers } });

const decision = `<button name="decision" value="approve">Yes</button><button name="decision" value="deny">No</button>`;

/** A DIdP, a gateway and a login on three ports of one host, as pages only. */
function aWeb(changes: Readonly<Record<string, Route>> = {}) {
  const seen: Seen[] = [];
  const routes: Record<string, Route> = {
    "GET didp/d": () =>
      html(`<form method="post" action="/claim"><input name="code"></form>`, {
        "set-cookie": "session=s1; Path=/; HttpOnly",
      }),
    "POST didp/claim": () => go("/choose"),
    "GET didp/choose": () =>
      html(
        `<form method="get" action="/login/demo"><input type="hidden" name="to" value="/x"><button>Demo</button></form>`,
      ),
    "GET didp/login/demo": () => go("http://uidp.test:8789/auth?state=1"),
    "GET uidp/auth": () => go("/login/abc", { "set-cookie": "uidp=u1; Path=/" }),
    "GET uidp/login/abc": () =>
      html(
        `<form method="post"><button name="login" value="bob">Bob</button><button name="login" value="alice">Alice</button></form>`,
      ),
    "POST uidp/login/abc": () => go("http://didp.test:8788/callback/demo?code=1"),
    "GET didp/callback/demo": () => go("/claim/confirm"),
    "GET didp/claim/confirm": () =>
      html(
        `<form method="post"><input type="hidden" name="csrf" value="c1"><input name="name" value="Room node">${decision}</form>`,
      ),
    "POST didp/claim/confirm": () => html("<p>Yours.</p>"),
    "GET didp/authorize": () => html(`<form method="post" action="/authorize?x=1">${decision}</form>`),
    "POST didp/authorize": (form) =>
      form.get("decision") === "approve"
        ? go("http://gateway.test:8787/consent/t1")
        : go("http://app.test/back?error=access_denied"),
    "GET gateway/consent/t1": () =>
      html(`<form method="post" action="/consent/t1">
        <input type="checkbox" name="read" value="dh1"><input type="checkbox" name="read" value="dh2">
        <input type="checkbox" name="command" value="dh1">${decision}</form>`),
    "POST gateway/consent/t1": () => go("http://didp.test:8788/authorize/continue?r=1"),
    "GET didp/authorize/continue": () => go("http://app.test/back?code=c1&state=s"),
    "GET didp/me/apps": () =>
      html(`<ul><li>Weather &amp; more <form method="post" action="/me/apps/r1/revoke"><button name="decision" value="revoke">End</button></form></li>
        <li>Room monitor <form method="post" action="/me/apps/r2/revoke"><button name="decision" value="revoke">End</button></form></li></ul>`),
    "POST didp/me/apps/r2/revoke": () => go("/me/apps"),
    ...changes,
  };
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    const form = new URLSearchParams(await request.text());
    const { method } = request;
    const cookie = new Headers(init?.headers).get("cookie"); // `Request` drops it, as a browser's does
    seen.push({ url: request.url, method, cookie, origin: request.headers.get("origin"), form: [...form] });
    const route = routes[`${method} ${url.hostname.split(".")[0]}${url.pathname}`];
    return route === undefined ? html("", {}, 404) : route(form, cookie ?? "");
  };
  return { seen, fetch, person: new Person({ login: "alice", fetch, clock: new EagerClock() }) };
}

const label = new URL("http://didp.test:8788/d#CODE26");
const at = (seen: readonly Seen[], method: string, path: string) =>
  seen.find((request) => request.method === method && new URL(request.url).pathname === path);

test("claims with the label's code, logs in on the way, names the device and agrees", async () => {
  const { person, seen } = aWeb();
  const page = await person.claim(label, { deviceName: "Kitchen" });
  expect(page.html).toContain("Yours.");
  expect(at(seen, "POST", "/claim")?.form).toEqual([["code", "CODE26"]]);
  expect(at(seen, "POST", "/login/abc")?.form).toEqual([["login", "alice"]]);
  expect(at(seen, "POST", "/claim/confirm")?.form).toEqual([
    ["csrf", "c1"],
    ["name", "Kitchen"],
    ["decision", "approve"],
  ]);
});

test("the code is in no address, forms carry their origin, and cookies stay with their host", async () => {
  const { person, seen } = aWeb();
  await person.claim(label, { deviceName: "Kitchen" });
  expect(seen.some(({ url }) => url.includes("CODE26"))).toBe(false);
  expect(at(seen, "POST", "/claim")).toMatchObject({ origin: "http://didp.test:8788", cookie: "session=s1" });
  expect(at(seen, "POST", "/login/abc")).toMatchObject({
    origin: "http://uidp.test:8789",
    cookie: "uidp=u1",
  });
});

test("a login page with a text field is filled in as well", async () => {
  const { person, seen } = aWeb({
    "GET uidp/login/abc": () =>
      html(`<form method="post"><input name="login"><button>Log in</button></form>`),
  });
  await person.claim(label, { deviceName: "Kitchen" });
  expect(at(seen, "POST", "/login/abc")?.form).toEqual([["login", "alice"]]);
});

test("somebody without a button logs in all the same, and who is unknown there gets stuck on that page", async () => {
  const known = aWeb();
  const nobody = new Person({ login: "load-7", fetch: known.fetch, clock: new EagerClock() });
  await nobody.claim(label, { deviceName: "Kitchen" });
  expect(at(known.seen, "POST", "/login/abc")?.form).toEqual([["login", "load-7"]]);

  const again = html(`<form method="post"><button name="login" value="alice">Alice</button></form>`);
  const strict = aWeb({ "POST uidp/login/abc": () => again.clone() });
  await expect(strict.person.claim(label, { deviceName: "Kitchen" })).rejects.toThrow(
    "nobody asked for a decision",
  );
});

test("waits while the device is not switched on yet, but not for what comes after the decision", async () => {
  let looks = 0;
  const waiting = () => html("", {}, 200, `<meta http-equiv="refresh" content="3"/>`);
  const { person, seen } = aWeb({
    "GET didp/claim/confirm": () => {
      looks += 1;
      return looks < 4
        ? waiting()
        : html(`<form method="post"><input name="name" value="Room node">${decision}</form>`);
    },
    "POST didp/claim/confirm": () => waiting(),
  });
  await person.claim(label, { deviceName: "Kitchen" });
  expect(looks).toBe(4);
  expect(seen.at(-1)?.method).toBe("POST");
});

test("a device that is never switched on is given up", async () => {
  const { person } = aWeb({
    "GET didp/claim/confirm": () => html("", {}, 200, `<meta http-equiv="refresh" content="3"/>`),
  });
  await expect(person.claim(label, { deviceName: "Kitchen" })).rejects.toThrow("nobody asked for a decision");
});

test("a refused claim is told with the page that refused it", async () => {
  const { person } = aWeb({
    "POST didp/claim": () => html(`<form method="post" action="/claim"><input name="code"></form>`, {}, 404),
  });
  await expect(person.claim(label, { deviceName: "Kitchen" })).rejects.toThrow("HTTP 404");
});

test("a label without a code is refused before anything is asked", async () => {
  const { person, seen } = aWeb();
  await expect(person.claim(new URL("http://didp.test:8788/d"), { deviceName: "x" })).rejects.toBeInstanceOf(
    PersonStuck,
  );
  expect(seen).toEqual([]);
});

test("approves an app for everything, and stops at the app's own page without opening it", async () => {
  const { person, seen } = aWeb();
  const back = await person.consent(
    new URL("http://didp.test:8788/authorize?client_id=x"),
    "http://app.test/back",
  );
  expect(back.href).toBe("http://app.test/back?code=c1&state=s");
  expect(at(seen, "POST", "/consent/t1")?.form).toEqual([
    ["read", "dh1"],
    ["read", "dh2"],
    ["command", "dh1"],
    ["decision", "approve"],
  ]);
  expect(seen.some(({ url }) => url.startsWith("http://app.test"))).toBe(false);
});

test("ticks only what it is told to", async () => {
  const { person, seen } = aWeb();
  await person.consent(new URL("http://didp.test:8788/authorize"), "http://app.test/back", {
    read: ["dh2"],
    command: [],
  });
  expect(at(seen, "POST", "/consent/t1")?.form).toEqual([
    ["read", "dh2"],
    ["decision", "approve"],
  ]);
});

test("denying brings the app its refusal", async () => {
  const { person } = aWeb();
  const url = new URL("http://didp.test:8788/authorize");
  const back = await person.consent(url, "http://app.test/back", { decision: "deny" });
  expect(back.searchParams.get("error")).toBe("access_denied");
});

test("ends the access of the app with that name, not of its neighbour", async () => {
  const { person, seen } = aWeb();
  await person.revokeApp("http://didp.test:8788", "Room monitor");
  expect(seen.filter(({ method }) => method === "POST").map(({ url }) => new URL(url).pathname)).toEqual([
    "/me/apps/r2/revoke",
  ]);
  await expect(person.revokeApp("http://didp.test:8788", "Nobody")).rejects.toThrow("Nobody");
});

test("a circle of redirects, and a circle of forms, come to an end", async () => {
  const circle = aWeb({ "GET didp/d": () => go("/d") });
  await expect(circle.person.claim(label, { deviceName: "x" })).rejects.toThrow("redirects");
  const forms = aWeb({
    "POST didp/claim": () => html(`<form method="post" action="/claim"><input name="code"></form>`),
  });
  await expect(forms.person.claim(label, { deviceName: "x" })).rejects.toBeInstanceOf(PersonStuck);
});
