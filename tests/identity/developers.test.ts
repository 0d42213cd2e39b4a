import { afterAll, beforeAll, expect, test } from "vitest";
import { Person } from "./support/person.ts";
import { type Platform, startPlatform } from "./support/platform.ts";

let platform: Platform;

beforeAll(async () => {
  platform = await startPlatform(19395);
});
afterAll(() => platform.stop());

const clientId = /a-[\w-]{22}/;
const submitTo = (
  person: Person,
  page: Parameters<Person["submit"]>[0],
  fields: Record<string, string>,
  path: string,
) => person.submit(page, fields, { form: (action) => action === path });

test("a developer registers an app, sees it again without its secret, and removes it; nobody else can", async () => {
  const developer = new Person("developer");
  const page = await developer.logIn(await developer.open(`${platform.didp}/dev`));
  const made = await submitTo(
    developer,
    page,
    { client_name: "Chart", redirect_uri: "https://chart.example/cb", kind: "client_secret_basic" },
    "/dev",
  );
  expect([made.status, made.title]).toEqual([201, "Chart is registered"]);
  const id = clientId.exec(made.html)?.[0] ?? "";
  const secret = /Client secret<\/dt><dd class="mono">([\w-]{43})</.exec(made.html)?.[1] ?? "";
  expect(secret).toHaveLength(43);

  const list = await developer.open(`${platform.didp}/dev`);
  expect(list.html).toContain(id);
  expect(list.html).not.toContain(secret);
  expect(await platform.dump()).not.toContain(secret);

  const other = new Person("somebody-else");
  const theirs = await other.logIn(await other.open(`${platform.didp}/dev`));
  expect(theirs.html).not.toContain(id);
  const csrf = theirs.forms[0]?.hidden.csrf ?? "";
  const stolen = await other.open(`${platform.didp}/dev/remove`, {
    init: { method: "POST", body: new URLSearchParams({ csrf, client_id: id, decision: "remove" }) },
  });
  expect(stolen.status).toBe(404);

  const after = await submitTo(developer, list, { decision: "remove" }, "/dev/remove");
  expect(after.html).not.toContain(id);
});

test("what cannot be registered is said on the page", async () => {
  const developer = new Person("developer");
  const page = await developer.logIn(await developer.open(`${platform.didp}/dev`));
  for (const redirect_uri of ["http://chart.example/", "javascript:alert(1)", ""]) {
    const answer = await submitTo(
      developer,
      page,
      { client_name: "Chart", redirect_uri, kind: "none" },
      "/dev",
    );
    expect(answer.status).toBe(400);
    expect(answer.html).toContain("redirect_uris: https");
  }
});
