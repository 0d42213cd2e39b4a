import type { BrokerState } from "./state.ts";

/** How many bursts over its budget a client may be before the connection ends. */
const floodBursts = 10;

/** What all connections of a user may spend together, as a multiple of what one may. */
const userShare = 5;

/** What a packet costs that has somebody else asked whose a token is. */
export const introspectionCost = 20;

/** A token bucket: so much is left, as of then. Below zero it says by how much it was overdrawn. */
export interface Budget {
  left: number;
  atMs: number;
}

/** Who pays first. */
interface Payer {
  readonly budget: Budget;
}

/** A full one, of a connection or of a user. */
export function newBudget(nowMs: number): Budget {
  return { left: Number.POSITIVE_INFINITY, atMs: nowMs };
}

/**
 * Takes the cost of a packet from the budget of its connection, and then from that of the user: into each flow
 * `messagesPerSecond`, up to `messageBurst`, and five times that for the user. A connection over its own budget
 * takes nothing from the others'.
 *
 * @param cost 1 for a PUBLISH.
 * @returns whether it may be carried out, must be refused, or is one too many even to refuse.
 */
export function spend(state: BrokerState, connection: Payer, cost: number): "granted" | "refused" | "flood" {
  const { messagesPerSecond, messageBurst } = state.limits;
  const own = connection.budget;
  refill(own, state.nowMs, messagesPerSecond, messageBurst);
  own.left -= cost;
  if (own.left < 0) return own.left < -floodBursts * messageBurst ? "flood" : "refused";
  refill(state.budget, state.nowMs, userShare * messagesPerSecond, userShare * messageBurst);
  if (state.budget.left < cost) return "refused";
  state.budget.left -= cost;
  return "granted";
}

/** Lets flow in what time has brought. */
export function refill(budget: Budget, nowMs: number, perSecond: number, burst: number): void {
  const gained = (Math.max(0, nowMs - budget.atMs) / 1000) * perSecond;
  budget.left = Math.min(burst, budget.left + gained);
  budget.atMs = nowMs;
}
