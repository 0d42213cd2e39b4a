/**
 * "Same successor until it is used" (IDENTITY.md §2.E): rotation that a lost answer cannot break and that a
 * copied token cannot survive. Pure; the registry applies the decision in one transaction.
 */
export interface RefreshState {
  /** Of the newest refresh token that has been handed out. */
  readonly generation: number;
  /** Whether that token, or an access token issued with it, has come back: then its holder has got it. */
  readonly successorUsed: boolean;
  readonly rotatedAtMs: number;
}

export interface RefreshPolicy {
  /** Devices rotate at most once a day (flash wear); apps at each use: 0. */
  readonly rotateEveryMs: number;
  /** How long the previous token is answered with the same successor; `Infinity` for a client with a secret. */
  readonly repeatWithinMs: number;
}

export const devicePolicy: RefreshPolicy = { rotateEveryMs: 24 * 3600_000, repeatWithinMs: Infinity };
export const confidentialAppPolicy: RefreshPolicy = { rotateEveryMs: 0, repeatWithinMs: Infinity };
/** A browser app without a key of its own: nothing tells its retry from a thief, so the old token is never repeated. */
export const publicAppPolicy: RefreshPolicy = { rotateEveryMs: 0, repeatWithinMs: 0 };
export const boundAppPolicy: RefreshPolicy = { rotateEveryMs: 0, repeatWithinMs: 60_000 };

export type RefreshDecision =
  /** A new generation: answer the successor. */
  | { readonly kind: "rotate"; readonly next: RefreshState }
  /** The current token came and is young: answer it again. */
  | { readonly kind: "keep"; readonly next: RefreshState }
  /** The previous token came and nobody has used the successor: answer the same successor; its older access tokens end. */
  | { readonly kind: "repeat"; readonly next: RefreshState }
  /** Two holders: the grant becomes suspect. */
  | { readonly kind: "reuse" };

/** @param presented generation of a token that has been proved genuine. */
export function decideRefresh(
  state: RefreshState,
  presented: number,
  policy: RefreshPolicy,
  nowMs: number,
): RefreshDecision {
  if (presented === state.generation) {
    if (nowMs - state.rotatedAtMs < policy.rotateEveryMs) {
      return { kind: "keep", next: { ...state, successorUsed: true } };
    }
    return {
      kind: "rotate",
      next: { generation: state.generation + 1, successorUsed: false, rotatedAtMs: nowMs },
    };
  }
  const isRetry =
    presented === state.generation - 1 &&
    !state.successorUsed &&
    nowMs - state.rotatedAtMs < policy.repeatWithinMs;
  return isRetry ? { kind: "repeat", next: state } : { kind: "reuse" };
}
