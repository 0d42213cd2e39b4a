import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seeded } from "../../engines/testing/random.ts";
import { REDIRECT_URI, StrictApp } from "./support/app.ts";
import { asDevice, DEVICE_CODE_GRANT, openFactory } from "./support/factory.ts";
import { consent, introspect, openClaim } from "./support/flows.ts";
import { Person } from "./support/person.ts";
import { type Platform, startPlatform } from "./support/platform.ts";

let platform: Platform;
let factory: Awaited<ReturnType<typeof openFactory>>;

beforeAll(async () => {
  platform = await startPlatform(19380);
  factory = await openFactory(platform);
});
afterAll(() => platform.stop());

type Fault = "request lost" | "answer lost" | "request doubled" | "server restarted";
type Send = () => Promise<Response>;

/** A link that harms exactly its `victim`-th request; a caller hears `undefined` and tries again. */
class Link {
  readonly #fault: Fault;
  readonly #victim: number;
  #count = 0;

  constructor(fault: Fault, victim: number) {
    this.#fault = fault;
    this.#victim = victim;
  }

  get isDone(): boolean {
    return this.#count > this.#victim;
  }

  async send(request: Send): Promise<Response | undefined> {
    if (this.#count++ !== this.#victim) return request();
    switch (this.#fault) {
      case "request lost":
        return undefined;
      case "answer lost":
        await (await request()).body?.cancel();
        return undefined;
      case "request doubled": {
        const [first] = await Promise.all([request(), request()]);
        return first;
      }
      case "server restarted":
        await (await request()).body?.cancel();
        await platform.restart();
        return undefined;
    }
  }
}

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly error?: string;
}

/** A device with the firmware's rules: same request again after silence, `invalid_grant` begins anew. */
async function liveThrough(link: Link, person: Person): Promise<Tokens> {
  const device = await factory.make();
  const post = asDevice(platform, device);
  const ask = async (path: string, fields: Record<string, string>): Promise<Record<string, string>> => {
    for (let attempt = 0; attempt < 5; attempt++) {
      const answer = await link.send(() => post(path, fields));
      if (answer !== undefined) return (await answer.json()) as Record<string, string>;
    }
    throw new Error("silence");
  };
  const { device_code = "" } = await ask("/device_authorization", {});
  expect(await ask("/token", { grant_type: DEVICE_CODE_GRANT, device_code })).toHaveProperty("error");
  const confirm = await openClaim(platform, person, device.user_code);
  await person.submit(confirm, { name: "x", decision: "approve" });
  let tokens = await ask("/token", { grant_type: DEVICE_CODE_GRANT, device_code });
  for (let round = 0; round < 2; round++) {
    tokens = await ask("/token", { grant_type: "refresh_token", refresh_token: tokens.refresh_token ?? "" });
    expect(tokens.error).toBeUndefined();
  }
  return tokens as unknown as Tokens; // without an error it is one
}

const REQUESTS_OF_A_DEVICE = 5;

describe.each<Fault>(["request lost", "answer lost", "request doubled", "server restarted"])(
  "a device whose %s",
  (fault) => {
    test.each(Array.from({ length: REQUESTS_OF_A_DEVICE }, (_, victim) => victim))(
      "at request %i of its life still gets to its owner",
      async (victim) => {
        const link = new Link(fault, victim);
        const tokens = await liveThrough(link, new Person("abel"));
        expect(link.isDone).toBe(true);
        expect((await introspect(platform, tokens.access_token)).active).toBe(true);
      },
    );
  },
);

test("an owner who presses the button twice, or reloads the page, owns the device once", async () => {
  const device = await factory.make();
  await asDevice(platform, device)("/device_authorization", {});
  const person = new Person("bert");
  const confirm = await openClaim(platform, person, device.user_code);
  const press = () => person.submit(confirm, { name: "x", decision: "approve" });
  const pages = await Promise.all([press(), press(), press()]);
  expect(pages.map((page) => page.title)).toEqual(Array(3).fill("The Room sensor is yours"));
  const list = await person.open(`${platform.didp}/me/devices`);
  expect(list.html.match(/Yours since/g)).toHaveLength(1);
});

const CYCLES = 1000;
const SEED = 20261122;

test(`${CYCLES} refreshes of an app that rotates each time, a third of them harmed, seed ${SEED}`, async () => {
  const app = await StrictApp.register(platform, { token_endpoint_auth_method: "client_secret_basic" });
  const begun = await app.push();
  const callback = await consent(platform, new Person("carl"), begun.url.href);
  let { refresh_token: token = "" } = await app.exchange(callback, begun);
  const basic = `Basic ${btoa(`${app.client.client_id}:${app.client.client_secret}`)}`;
  const chance = seeded(SEED);
  const refresh = () =>
    fetch(`${platform.didp}/token`, {
      method: "POST",
      headers: { authorization: basic },
      body: new URLSearchParams({
        grant_type: "refresh_token",
        refresh_token: token,
        redirect_uri: REDIRECT_URI,
      }),
    });
  let done = 0;
  for (let attempt = 0; done < CYCLES && attempt < CYCLES * 3; attempt++) {
    if (chance() < 0.1) continue; // the request got lost
    const [answer] = chance() < 0.1 ? await Promise.all([refresh(), refresh()]) : [await refresh()];
    const tokens = (await answer.json()) as Tokens;
    expect(tokens.error).toBeUndefined();
    if (chance() < 0.1) continue; // the answer got lost
    token = tokens.refresh_token;
    done++;
    if (done % 400 === 0) await platform.restart();
  }
  expect(done).toBe(CYCLES);
}, 120_000);
