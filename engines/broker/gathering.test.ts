import { expect, test } from "vitest";
import { Gathering } from "./gathering.ts";

/** Frames that come `oneByOneMs` apart when each is taken at once; gathered, `inFlight` come a turn of `turnMs`. */
function drive(gathering: Gathering, clock: { ms: number }, frames: number, way: Way): { gathered: number } {
  let gathered = 0;
  for (let taken = 0; taken < frames; ) {
    if (gathering.waits()) {
      clock.ms += way.turnMs;
      taken += way.inFlight;
      gathered += way.inFlight;
      gathering.took(way.inFlight);
    } else {
      clock.ms += way.oneByOneMs;
      taken += 1;
    }
  }
  return { gathered };
}

interface Way {
  readonly oneByOneMs: number;
  readonly turnMs: number;
  readonly inFlight: number;
}

const many: Way = { oneByOneMs: 0.05, turnMs: 0.4, inFlight: 16 };
const few: Way = { oneByOneMs: 0.05, turnMs: 1.4, inFlight: 2 };
const one: Way = { oneByOneMs: 0.05, turnMs: 1.4, inFlight: 1 };
const calm: Way = { oneByOneMs: 100, turnMs: 1.4, inFlight: 1 };

function gatheringAt(clock: { ms: number }): Gathering {
  return new Gathering(() => Math.floor(clock.ms));
}

test("many in flight: after the first window they are gathered", () => {
  const clock = { ms: 0 };
  expect(drive(gatheringAt(clock), clock, 10_000, many).gathered).toBeGreaterThan(9_000);
});

test("one in flight: a trial ends after four turns, and trials become rare", () => {
  const clock = { ms: 0 };
  const gathering = gatheringAt(clock);
  drive(gathering, clock, 100_000, one);
  expect(drive(gathering, clock, 100_000, one).gathered).toBeLessThanOrEqual(16);
});

test("two in flight: gathered they would be slower, so they are not", () => {
  const clock = { ms: 0 };
  const gathering = gatheringAt(clock);
  drive(gathering, clock, 100_000, few);
  const before = clock.ms;
  drive(gathering, clock, 100_000, few);
  expect(clock.ms - before).toBeLessThan(1.2 * 100_000 * few.oneByOneMs);
});

test("a calm user's frames never wait", () => {
  const clock = { ms: 0 };
  expect(drive(gatheringAt(clock), clock, 5_000, calm).gathered).toBe(0);
});

test("what becomes few is let go, and what becomes many is noticed in spite of earlier failures", () => {
  const clock = { ms: 0 };
  const gathering = gatheringAt(clock);
  drive(gathering, clock, 10_000, many);
  expect(drive(gathering, clock, 5_000, one).gathered).toBeLessThan(100);
  drive(gathering, clock, 100_000, one);
  const slower = { ...many, oneByOneMs: 0.1 };
  expect(drive(gathering, clock, 10_000, slower).gathered).toBeGreaterThan(8_000);
});
