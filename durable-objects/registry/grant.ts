import type { GrantId, Permission } from "../../engines/oauth/authority.ts";
import {
  appPermissions,
  DEVICE_SCOPE,
  devicePermissions,
  type IotAccess,
  LOST_SCOPE,
  lostPermissions,
  OWNER_SCOPE,
  ownerPermissions,
  scopeOf,
} from "../../engines/oauth/iot-access.ts";
import {
  boundAppPolicy,
  confidentialAppPolicy,
  devicePolicy,
  publicAppPolicy,
  type RefreshPolicy,
} from "../../engines/oauth/refresh-rotation.ts";

/** How refresh tokens rotate, by whose they are (IDENTITY.md §2.E). */
export const policies = {
  device: devicePolicy,
  confidential: confidentialAppPolicy,
  public: publicAppPolicy,
  bound: boundAppPolicy,
} as const satisfies Record<string, RefreshPolicy>;

export type PolicyName = keyof typeof policies;

/** A device's ownership, an app's consent, or the owner's own tools. */
export type GrantKind = "device" | "app" | "owner";

/** A grant to be made. */
export interface NewGrant {
  readonly gid: GrantId;
  readonly kind: GrantKind;
  readonly oauthClientId: string;
  readonly anon: string;
  readonly handle: string;
  readonly gateway: string;
  readonly label: string;
  readonly access?: IotAccess;
  readonly policy: PolicyName;
  readonly expiresMs: number;
}

/** One row of `grants`. */
export interface Grant extends Record<string, SqlStorageValue> {
  gid: string;
  kind: GrantKind;
  client_id: string;
  anon: string;
  handle: string;
  gateway: string;
  label: string;
  access: string | null;
  status: "active" | "suspect" | "ended";
  policy: PolicyName;
  salt: string;
  generation: number;
  successor_used: number;
  rotated_ms: number;
  sequence: number;
  generation_sequence: number;
  voided_from: number;
  voided_below: number;
  epoch: number;
  created_day: number;
  used_hour: number;
  idle_until_ms: number;
  expires_ms: number;
  dpop_thumbprint: string | null;
  note: GrantNote | null;
  note_ms: number | null;
  lost: number;
}

/** Why a grant is stopped, or what its owner should know about it. */
export type GrantNote = "reuse" | "reset" | "compromised" | "recall" | "unpaid" | "banned";

const DAY_MS = 24 * 3600_000;
/** Devices may be in a drawer for a year; an app that is not used for 30 days has to ask again. */
export const IDLE_LIFE_MS = { device: 400 * DAY_MS, app: 30 * DAY_MS, owner: 30 * DAY_MS } as const;

/** What an app was granted; `undefined` for a device. */
export function accessOf(grant: Pick<Grant, "access">): IotAccess | undefined {
  return grant.access === null ? undefined : (JSON.parse(grant.access) as IotAccess); // written by `add`
}

/** What the holder may do over MQTT now. */
export function permissionsOf(grant: Pick<Grant, "kind" | "lost" | "access">): readonly Permission[] {
  switch (grant.kind) {
    case "device":
      return grant.lost === 0 ? devicePermissions : lostPermissions;
    case "owner":
      return ownerPermissions;
    case "app":
      return appPermissions(accessOf(grant)?.actions ?? []);
  }
}

/** `scope` of the token answer. */
export function scopeOfGrant(grant: Grant, access: IotAccess | undefined): string {
  if (grant.kind === "owner") return OWNER_SCOPE;
  if (grant.lost !== 0) return LOST_SCOPE;
  return access === undefined ? DEVICE_SCOPE : scopeOf(access.actions);
}

/**
 * RFC 6749 §6. `openid` stands in the answer to a code that came with an ID token; a device may not know yet that it is
 * lost, or that it is found.
 */
export function isGranted(grant: Grant, scope: string): boolean {
  const ordinary = scopeOfGrant({ ...grant, lost: 0 }, accessOf(grant)).split(" ");
  const granted = new Set([...ordinary, grant.kind === "device" ? LOST_SCOPE : "openid"]);
  return scope.split(" ").every((word) => word === "" || granted.has(word));
}

/** Whether tokens come from it now. */
export function isUsable(grant: Grant, nowMs: number): boolean {
  return grant.status === "active" && nowMs < grant.idle_until_ms && nowMs < grant.expires_ms;
}

/** Whether this access token was in an answer that got lost and was said again. */
export function isVoided(grant: Pick<Grant, "voided_from" | "voided_below">, sequence: number): boolean {
  return sequence >= grant.voided_from && sequence < grant.voided_below;
}
