import type { IotAccess } from "../../engines/oauth/iot-access.ts";
import { accessOf, type Grant, type GrantKind, type GrantNote } from "./grant.ts";

/** One app or device in a person's own list. */
export interface GrantSummary {
  readonly gid: string;
  readonly kind: GrantKind;
  readonly label: string;
  readonly status: "active" | "suspect";
  readonly createdDay: number;
  readonly usedHour: number;
  readonly expiresMs: number;
  readonly hasArrived: boolean;
  readonly isLost: boolean;
  readonly note?: GrantNote;
  readonly access?: IotAccess;
}

/** What of a living grant its owner is shown. */
export function summaryOf(grant: Grant): GrantSummary {
  const access = accessOf(grant);
  return {
    gid: grant.gid,
    kind: grant.kind,
    label: grant.label,
    status: grant.status === "suspect" ? "suspect" : "active",
    createdDay: grant.created_day,
    usedHour: grant.used_hour,
    expiresMs: grant.expires_ms,
    hasArrived: grant.generation > 0 || grant.successor_used !== 0,
    isLost: grant.lost !== 0,
    ...(grant.note === null ? {} : { note: grant.note }),
    ...(access === undefined ? {} : { access }),
  };
}
