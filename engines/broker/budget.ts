import type { ConnectionId } from "./effect.ts";
import type { Session } from "./session.ts";
import type { BrokerState } from "./state.ts";

/** How many bursts over its budget a client may be before the connection ends. */
const floodBursts = 10;

/** What all connections of a user may spend together, and those of one device or app, as multiples of what one may. */
const share = { user: 5, principal: 2 } as const;

/** Frames a client may send for each message it may: acknowledgements, pings and pieces of packets are frames too. */
const framesPerMessage = 10;

/** What a packet costs that has somebody else asked whose a token is. */
export const introspectionCost = 20;

/** A token bucket: so much is left, as of then. Below zero it says by how much it was overdrawn. */
export interface Budget {
  left: number;
  atMs: number;
}

/** Who pays first. */
interface Payer {
  readonly id: ConnectionId;
  readonly budget: Budget;
  /** Of frames. */
  readonly arrivals: Budget;
  readonly session: Session | undefined;
}

/** A full one, of a connection or of a user. */
export function newBudget(nowMs: number): Budget {
  return { left: Number.POSITIVE_INFINITY, atMs: nowMs };
}

/**
 * Takes the cost of a packet from the budget of its connection, then from that of its device or app, and then from
 * that of the user: into the first flow `messagesPerSecond`, up to `messageBurst`; into the second twice that, into
 * the third five times. So a connection over its own budget takes nothing from the others', and neither a device
 * nor an app takes all that the user has. The owner's own sessions may.
 *
 * @param cost 1 for a PUBLISH.
 * @returns whether it may be carried out, must be refused, or is one too many even to refuse.
 */
export function spend(state: BrokerState, connection: Payer, cost: number): "granted" | "refused" | "flood" {
  const { messagesPerSecond, messageBurst } = state.limits;
  const own = connection.budget;
  refill(own, state.nowMs, messagesPerSecond, messageBurst);
  own.left -= cost;
  if (own.left < 0) {
    state.hold(connection.id);
    return own.left < -floodBursts * messageBurst ? "flood" : "refused";
  }
  const principal = principalBudget(state, connection.session);
  refill(principal, state.nowMs, share.principal * messagesPerSecond, share.principal * messageBurst);
  refill(state.budget, state.nowMs, share.user * messagesPerSecond, share.user * messageBurst);
  if (principal.left < cost || state.budget.left < cost) {
    state.hold(connection.id);
    return "refused";
  }
  principal.left -= cost;
  state.budget.left -= cost;
  return "granted";
}

/** That of a device or an app, whatever number of connections it has; a new one for anybody else. */
function principalBudget(state: BrokerState, session: Session | undefined): Budget {
  if (session === undefined) return newBudget(state.nowMs);
  if (session.principalBudget !== undefined) return session.principalBudget;
  const key = `${session.kind}/${session.handle}`;
  const budget = state.principalBudgets.get(key) ?? newBudget(state.nowMs);
  if (session.kind !== "owner") state.principalBudgets.set(key, budget);
  session.principalBudget = budget;
  return budget;
}

/** Takes one frame, whatever is in it, from the connection's budget of frames; over that, the shell is to hold. */
export function spendFrame(state: BrokerState, { id, arrivals }: Payer): void {
  const { messagesPerSecond, messageBurst } = state.limits;
  refill(arrivals, state.nowMs, framesPerMessage * messagesPerSecond, framesPerMessage * messageBurst);
  arrivals.left = Math.max(-1, arrivals.left - 1);
  if (arrivals.left < 0) state.hold(id);
}

/** Lets flow in what time has brought. */
export function refill(budget: Budget, nowMs: number, perSecond: number, burst: number): void {
  if (nowMs === budget.atMs && budget.left <= burst) return;
  const gained = (Math.max(0, nowMs - budget.atMs) / 1000) * perSecond;
  budget.left = Math.min(burst, budget.left + gained);
  budget.atMs = nowMs;
}
