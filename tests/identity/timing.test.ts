import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeClaimCode } from "../../engines/oauth/claim-code.ts";
import { asDevice, type MadeDevice, openFactory } from "./support/factory.ts";
import { introspect, ownDevice } from "./support/flows.ts";
import { Person, type View } from "./support/person.ts";
import { type Platform, startPlatform } from "./support/platform.ts";
import { rankTest } from "./support/rank-test.ts";

/*
 * Timing of look-ups: whether something exists, or how much of a guess is right, must not be told by the time of the
 * answer. Requests of both kinds go out in turn, each pair in a random order, and their ranks are compared; how long
 * anything takes is not asked. A leak that is really there is measured first, in the same run: a client id of a wrong
 * form is answered without a look-up. It shows that the measure sees one, and it is the yardstick: what is certain and
 * a quarter as large is a leak. What is smaller (a row that is there takes some microseconds to read) is left to
 * tests/runtime/registry/same-work.spec.ts, which counts the work of look-ups without a clock.
 */

const PORT = 19_430;
const PAIRS = 300;
/** For all comparisons together a false alarm comes once in tens of thousands of runs. */
const ALPHA = 1e-5;
const MOST_ROUNDS = 4;
const EACH = 8;
const WARM_UP = 20;

let platform: Platform;
/** Of the leak that is there; measured by the first test. */
let yardstickMs = 0;
let devices: { device: MadeDevice; access: string; refresh: string }[];

beforeAll(async () => {
  platform = await startPlatform(PORT, { CLAIM_TRIES_PER_MINUTE: "10000" });
  const factory = await openFactory(platform);
  const owner = new Person("owner");
  devices = [];
  for (let made = 0; made < EACH; made++) {
    const device = await factory.make();
    const { access_token, refresh_token } = await ownDevice(platform, device, owner);
    devices.push({ device, access: access_token, refresh: refresh_token });
  }
});
afterAll(() => platform.stop());

/** @param at counts up, so that each device has its turn */
type Ask = (at: number) => Promise<unknown>;

interface Difference {
  /** That ranks are so uneven by chance. */
  readonly probability: number;
  /** Between the medians; without its sign. */
  readonly milliseconds: number;
}

/** Asks both in turn. */
async function compare(one: Ask, other: Ask, pairs = PAIRS): Promise<Difference> {
  const samples: readonly [number[], number[]] = [[], []];
  for (let round = -WARM_UP; round < pairs; round++) {
    const order = Math.random() < 0.5 ? ([0, 1] as const) : ([1, 0] as const);
    for (const which of order) {
      const startedMs = performance.now();
      await (which === 0 ? one : other)(round + WARM_UP);
      if (round >= 0) samples[which].push(performance.now() - startedMs);
    }
  }
  return {
    probability: rankTest(...samples),
    milliseconds: Math.abs(median(samples[0]) - median(samples[1])),
  };
}

const median = (numbers: readonly number[]) =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

function expectNoLeak({ probability, milliseconds }: Difference): void {
  if (probability >= ALPHA) return;
  expect(milliseconds).toBeLessThan(yardstickMs / 4);
}

const pick = <T>(list: readonly T[], round: number): T => {
  const found = list[round % list.length];
  if (found === undefined) throw new Error("an empty list");
  return found;
};
/** Of the same form, and in the same object, as the first byte says; nobody's. */
function nobodys(text: string): string {
  const [prefix, rest] = text.startsWith("d-") ? ["d-", text.slice(2)] : ["", text];
  const bytes = Buffer.from(rest, "base64url");
  crypto.getRandomValues(bytes.subarray(1));
  return prefix + bytes.toString("base64url");
}
/** A token or secret whose byte at `at` is another one. */
function flipped(text: string, at: number): string {
  const bytes = Buffer.from(text, "base64url");
  bytes[at < 0 ? bytes.length + at : at] = (bytes.at(at) ?? 0) ^ 1;
  return bytes.toString("base64url");
}

/** A request to the token endpoint that must fail, and why. */
function refused(client: { client_id: string; client_secret: string }, token: string, status: number): Ask {
  const post = asDevice(platform, client as MadeDevice); // it needs no more of a device than its credential
  return async () => {
    const answer = await post("/token", { grant_type: "refresh_token", refresh_token: token });
    await answer.arrayBuffer();
    if (answer.status !== status) throw new Error(`expected ${status}, not ${answer.status}`);
  };
}

describe("timing of look-ups", () => {
  const client_secret = "s".repeat(43);

  test("the measure sees a leak: a client id of a wrong form, which is not looked up, is answered sooner", async () => {
    const unknown = devices.map(({ device }) => nobodys(device.client_id));
    let seen: Difference = { probability: 1, milliseconds: 0 };
    // More of them on a machine on which everything else is louder.
    for (let round = 1; round <= MOST_ROUNDS && seen.probability >= ALPHA; round++) {
      seen = await compare(
        (at) => refused({ client_id: pick(unknown, at), client_secret }, "x", 401)(at),
        (at) => refused({ client_id: "nobody", client_secret }, "x", 401)(at),
        PAIRS * round,
      );
    }
    expect(seen.probability).toBeLessThan(ALPHA);
    yardstickMs = seen.milliseconds;
  });

  test("client ids: a wrong secret of a known one, and an unknown one", async () => {
    const unknown = devices.map(({ device }) => nobodys(device.client_id));
    expectNoLeak(
      await compare(
        (at) => refused({ client_id: pick(devices, at).device.client_id, client_secret }, "x", 401)(at),
        (at) => refused({ client_id: pick(unknown, at), client_secret }, "x", 401)(at),
      ),
    );
  });

  test("client secrets: right up to the last byte, and wrong from the first", async () => {
    const guess = (at: number, byte: number) => {
      const { device } = pick(devices, at);
      return refused({ ...device, client_secret: flipped(device.client_secret, byte) }, "x", 401)(at);
    };
    expectNoLeak(
      await compare(
        (at) => guess(at, -1),
        (at) => guess(at, 0),
      ),
    );
  });

  test("refresh tokens: of a grant that is there with a wrong end, and of no grant", async () => {
    const unknown = devices.map(({ refresh }) => nobodys(refresh));
    expectNoLeak(
      await compare(
        (at) => refused(pick(devices, at).device, flipped(pick(devices, at).refresh, -1), 400)(at),
        (at) => refused(pick(devices, at).device, pick(unknown, at), 400)(at),
      ),
    );
  });

  test("access tokens, as a gateway asks about them: with a wrong end, wrong earlier, and of no grant", async () => {
    const unknown = devices.map(({ access }) => nobodys(access));
    const ask = async (token: string) => expect(await introspect(platform, token)).toEqual({ active: false });
    const nearlyRight: Ask = (at) => ask(flipped(pick(devices, at).access, -1));
    expectNoLeak(await compare(nearlyRight, (at) => ask(flipped(pick(devices, at).access, 26))));
    expectNoLeak(await compare(nearlyRight, (at) => ask(pick(unknown, at))));
  });

  test("printed codes: of an owned device, and of none", async () => {
    const unknown = devices.map(() => writeClaimCode(crypto.getRandomValues(new Uint8Array(16))));
    // Twenty wrong codes a browser session, so nine pairs.
    const sessions: { person: Person; page: View }[] = [];
    for (let at = 0; at <= (PAIRS + WARM_UP) / 9; at++) {
      const person = new Person("guesser");
      sessions.push({ person, page: await person.open(`${platform.didp}/d`) });
    }
    const type = async (code: string, at: number) => {
      const { person, page } = pick(sessions, Math.floor(at / 9));
      const answer = await person.submit(page, { code });
      if (answer.status !== 404) throw new Error(`expected 404, not ${answer.status}`);
    };
    expectNoLeak(
      await compare(
        (at) => type(pick(devices, at).device.user_code, at),
        (at) => type(pick(unknown, at), at),
      ),
    );
  });
});

test("the rank test knows what is alike and what is not", () => {
  const numbers = Array.from({ length: 200 }, (_, index) => (index * 7919) % 1000);
  expect(rankTest(numbers, numbers.toReversed())).toBeGreaterThan(0.99);
  expect(
    rankTest(
      numbers,
      numbers.map((value) => value + 5),
    ),
  ).toBeGreaterThan(0.01);
  expect(
    rankTest(
      numbers,
      numbers.map((value) => value + 200),
    ),
  ).toBeLessThan(1e-6);
  expect(rankTest([1, 1, 1], [1, 1, 1])).toBe(1);
  // 1…4 against 5…8: U = 0, z = 2.309, by the table 0.0209.
  expect(rankTest([1, 2, 3, 4], [5, 6, 7, 8])).toBeCloseTo(0.0209, 3);
});
