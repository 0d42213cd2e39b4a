import { describe, expect, test } from "vitest";
import { seeded } from "../testing/random.ts";
import {
  boundAppPolicy,
  confidentialAppPolicy,
  decideRefresh,
  devicePolicy,
  publicAppPolicy,
  type RefreshPolicy,
  type RefreshState,
} from "./refresh-rotation.ts";

const DAY = 24 * 3600_000;
const fresh: RefreshState = { generation: 4, successorUsed: false, rotatedAtMs: 1000 };

describe("one presented token", () => {
  test("a device's current token is kept for a day, and says that it has arrived", () => {
    expect(decideRefresh(fresh, 4, devicePolicy, 1000 + DAY - 1)).toEqual({
      kind: "keep",
      next: { ...fresh, successorUsed: true },
    });
    expect(decideRefresh(fresh, 4, devicePolicy, 1000 + DAY)).toEqual({
      kind: "rotate",
      next: { generation: 5, successorUsed: false, rotatedAtMs: 1000 + DAY },
    });
  });

  test("an app's current token rotates at once", () => {
    expect(decideRefresh(fresh, 4, confidentialAppPolicy, 1001).kind).toBe("rotate");
    expect(decideRefresh(fresh, 4, publicAppPolicy, 1001).kind).toBe("rotate");
  });

  test("the previous token gets the same successor until that has come back", () => {
    expect(decideRefresh(fresh, 3, devicePolicy, 1000 + 99 * DAY).kind).toBe("repeat");
    expect(decideRefresh({ ...fresh, successorUsed: true }, 3, devicePolicy, 1001).kind).toBe("reuse");
  });

  test("a browser app's previous token is never repeated, a key-bound one's for a minute", () => {
    expect(decideRefresh(fresh, 3, publicAppPolicy, 1000).kind).toBe("reuse");
    expect(decideRefresh(fresh, 3, boundAppPolicy, 1000 + 59_999).kind).toBe("repeat");
    expect(decideRefresh(fresh, 3, boundAppPolicy, 1000 + 60_000).kind).toBe("reuse");
  });

  test.each([0, 1, 2, 5])("generation %i while 4 is current is a reuse", (presented) => {
    expect(decideRefresh(fresh, presented, confidentialAppPolicy, 1001).kind).toBe("reuse");
  });
});

/** The server: state and nothing else; `undefined` once the grant is suspect. */
class Server {
  state: RefreshState | undefined = { generation: 0, successorUsed: false, rotatedAtMs: 0 };
  readonly #policy: RefreshPolicy;
  nowMs = 0;

  constructor(policy: RefreshPolicy) {
    this.#policy = policy;
  }

  refresh(presented: number): number | undefined {
    if (this.state === undefined) return undefined;
    const decision = decideRefresh(this.state, presented, this.#policy, this.nowMs);
    if (decision.kind === "reuse") {
      this.state = undefined;
      return undefined;
    }
    this.state = decision.next;
    return this.state.generation;
  }

  /** A connection with an access token of this generation. */
  connect(generation: number): boolean {
    if (this.state === undefined) return false;
    if (generation === this.state.generation) this.state = { ...this.state, successorUsed: true };
    return true;
  }
}

interface Link {
  readonly name: string;
  readonly requestLoss: number;
  readonly responseLoss: number;
  readonly duplicate: number;
  readonly powerCut: number;
}

const links: readonly Link[] = [
  { name: "good", requestLoss: 0.005, responseLoss: 0.005, duplicate: 0.001, powerCut: 0.0005 },
  { name: "flaky", requestLoss: 0.08, responseLoss: 0.08, duplicate: 0.02, powerCut: 0.005 },
  { name: "awful", requestLoss: 0.3, responseLoss: 0.3, duplicate: 0.1, powerCut: 0.02 },
];
const CYCLES = 20_000;
const SEED = 20261122;

describe.each(links)("over a $name link, $name: 20,000 refreshes from seed 20261122", (link) => {
  test.each([
    ["a device", devicePolicy],
    ["an app with a secret", confidentialAppPolicy],
  ])("%s never loses its grant", (_, policy) => {
    const chance = seeded(SEED);
    const server = new Server(policy);
    let stored = 0;
    let refreshed = 0;
    for (let attempt = 0; refreshed < CYCLES && attempt < CYCLES * 10; attempt++) {
      server.nowMs += 3600_000;
      if (chance() < link.requestLoss) continue;
      let answer = server.refresh(stored);
      // A doubled request arrives twice before the device has heard an answer.
      if (chance() < link.duplicate) answer = server.refresh(stored);
      expect(answer).toBeDefined();
      if (answer === undefined || chance() < link.responseLoss || chance() < link.powerCut) continue;
      stored = answer;
      refreshed++;
      if (chance() < 0.9) expect(server.connect(stored)).toBe(true);
    }
    expect(refreshed).toBe(CYCLES);
  });

  test("a copied token that both holders use is always caught", () => {
    const chance = seeded(SEED + 1);
    for (let round = 0; round < 500; round++) {
      const server = new Server(confidentialAppPolicy);
      const holders = [0, 0];
      for (let step = 0; step < 200 && server.state !== undefined; step++) {
        server.nowMs += 600_000;
        const who = chance() < 0.5 ? 0 : 1;
        if (chance() < link.requestLoss) continue;
        const answer = server.refresh(holders[who] ?? 0);
        if (answer === undefined || chance() < link.responseLoss) continue;
        holders[who] = answer;
        server.connect(answer);
      }
      expect(server.state, `round ${round}`).toBeUndefined();
    }
  });
});
