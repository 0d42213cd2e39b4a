import type { Connection } from "./connection.ts";
import type { BrokerState } from "./state.ts";

/** How many bursts over its budget a client may be before the connection ends. */
const floodBursts = 10;

/**
 * Takes the cost of a packet from the connection's budget: a token bucket into which `messagesPerSecond` flow, and
 * which holds `messageBurst`.
 *
 * @param cost 1 for a PUBLISH.
 * @returns whether it may be carried out, must be refused, or is one too many even to refuse.
 */
export function spend(
  state: BrokerState,
  connection: Connection,
  cost: number,
): "granted" | "refused" | "flood" {
  const { messagesPerSecond, messageBurst } = state.limits;
  const refill = ((state.nowMs - connection.budgetAtMs) / 1000) * messagesPerSecond;
  connection.budget = Math.min(messageBurst, connection.budget + Math.max(0, refill)) - cost;
  connection.budgetAtMs = state.nowMs;
  if (connection.budget >= 0) return "granted";
  return connection.budget < -floodBursts * messageBurst ? "flood" : "refused";
}
