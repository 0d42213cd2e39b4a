import type { AccessAction, Permission } from "./authority.ts";
import { OAuthError } from "./oauth-error.ts";

const DAY_MS = 24 * 3600_000;
/** A consent ends after a year at the latest (IDENTITY.md §2.F step 6). */
export const LONGEST_CONSENT_MS = 365 * DAY_MS;

/** The one authorization details type here (RFC 9396; IDENTITY.md §2.F step 2), as checked. */
export interface IotAccess {
  readonly type: "iot_access";
  readonly actions: readonly AccessAction[];
  readonly kinds?: readonly string[];
  readonly granularity?: "raw" | "summary";
  readonly summary?: { readonly window: string; readonly functions: readonly string[] };
  /** ISO 8601 duration as the app wrote it. */
  readonly duration?: string;
  readonly purpose?: string;
}

const actionOfScope: ReadonlyMap<string, AccessAction> = new Map([
  ["view:read", "read"],
  ["view:control", "command"],
  ["view:history", "history"],
]);
const scopeOfAction: Readonly<Record<AccessAction, string>> = {
  read: "view:read",
  command: "view:control",
  shadow: "view:control",
  history: "view:history",
};

/** Every scope an app may ask for, for the metadata document. */
export const appScopes: readonly string[] = [...actionOfScope.keys()];

/**
 * What an app asks for: `authorization_details` if it sent some, else what its scopes say, else reading.
 * @throws OAuthError `invalid_authorization_details`, `invalid_scope`
 */
export function readIotAccess(details: string | undefined, scope: string | undefined): IotAccess {
  const words = new Set((scope ?? "").split(" "));
  const asked = [...words].filter((word) => word !== "" && !(words.has("openid") && OPENID_SCOPES.has(word)));
  const fromScope = asked.map((word) => {
    const action = actionOfScope.get(word);
    if (action === undefined) throw new OAuthError("invalid_scope", "Unknown scope.");
    return action;
  });
  if (details === undefined) {
    return { type: "iot_access", actions: fromScope.length === 0 ? ["read"] : [...new Set(fromScope)] };
  }
  const access = parseDetails(details);
  if (fromScope.some((action) => !access.actions.includes(action))) {
    throw new OAuthError("invalid_scope", "The scope asks for more than the authorization_details.");
  }
  return access;
}

/**
 * OpenID Connect Core §3.1.2.1, §5.4, §11: its clients ask for these without a thought, and a scope that means nothing
 * here is to be passed over. Nothing of a person is ever told, and the answer names the scopes that count.
 */
const OPENID_SCOPES = new Set(["openid", "profile", "email", "address", "phone", "offline_access"]);

function parseDetails(text: string): IotAccess {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refused("not JSON");
  }
  if (!Array.isArray(value) || value.length !== 1) throw refused("an array with one element is expected");
  const detail: unknown = value[0];
  if (!isObject(detail) || detail.type !== "iot_access") throw refused("the type must be iot_access");
  for (const name of Object.keys(detail)) {
    if (!KNOWN.has(name)) throw refused("unknown member"); // RFC 9396 §5
  }
  return {
    type: "iot_access",
    actions: list(detail.actions, "actions", (word) =>
      Object.hasOwn(scopeOfAction, word),
    ) as readonly AccessAction[], // the keys of that table are the actions
    ...(detail.kinds === undefined
      ? {}
      : { kinds: list(detail.kinds, "kinds", (word) => /^[\w:.-]{1,64}$/.test(word)) }),
    ...(detail.granularity === undefined ? {} : { granularity: granularity(detail.granularity) }),
    ...(detail.summary === undefined ? {} : { summary: summary(detail.summary) }),
    ...(detail.duration === undefined ? {} : { duration: duration(detail.duration) }),
    ...(detail.purpose === undefined ? {} : { purpose: purpose(detail.purpose) }),
  };
}

const KNOWN = new Set(["type", "actions", "kinds", "granularity", "summary", "duration", "purpose"]);

/** `scope` of the token answer: the words for these actions. */
export function scopeOf(actions: readonly AccessAction[]): string {
  return [...new Set(actions.map((action) => scopeOfAction[action]))].join(" ");
}

/** How long a consent may last: the app's wish, at most a year. Milliseconds. */
export function longestMs(access: IotAccess): number {
  const wished = access.duration === undefined ? undefined : durationMs(access.duration);
  return Math.min(wished ?? LONGEST_CONSENT_MS, LONGEST_CONSENT_MS);
}

/** ISO 8601 durations of weeks, days, hours and minutes, such as `P30D` or `PT12H`. */
export function durationMs(text: string): number | undefined {
  const match = /^P(?:(\d{1,3})W)?(?:(\d{1,4})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,5})M)?)?$/.exec(text);
  if (match === null) return undefined;
  const [weeks, days, hours, minutes] = match.slice(1).map((digits) => Number(digits ?? 0));
  const ms = ((weeks ?? 0) * 7 + (days ?? 0)) * DAY_MS + (hours ?? 0) * 3600_000 + (minutes ?? 0) * 60_000;
  return ms > 0 ? ms : undefined;
}

/**
 * What an app may do inside its own mount (contract of topics; AIF-MQTT, RFC 9431 §2.3). Which devices are
 * there at all, and which actions for each, is the owner's selection, which only the personal cloud knows.
 */
export function appPermissions(actions: readonly AccessAction[]): readonly Permission[] {
  const permissions: Permission[] = [
    ["grant", ["sub"]],
    ["rules/#", ["sub"]],
  ];
  if (actions.includes("read")) permissions.push(["devices/#", ["sub"]]);
  if (actions.includes("command")) {
    permissions.push(["devices/+/command/+", ["pub"]]);
    if (!actions.includes("read")) {
      permissions.push(
        ["devices/+/command/+/reply", ["sub"]],
        ["devices/+/$state", ["sub"]],
        ["devices/+/$description", ["sub"]],
      );
    }
  }
  if (actions.includes("shadow")) {
    permissions.push(["devices/+/state/desired", ["pub"]], ["devices/+/state/#", ["sub"]]);
  }
  return permissions;
}

/** Scope of an app's own token: the rules over what users granted to it (STREAMS.md §3). */
export const RULES_SCOPE = "rules";

/** Scope of the owner's own tools: everything of their personal cloud (EXPERIENCE.md §6). */
export const OWNER_SCOPE = "me:*";

/** The whole tree; what the platform alone may write is the broker's to refuse (MESSAGING.md §2). */
export const ownerPermissions: readonly Permission[] = [
  ["#", ["pub", "sub"]],
  ["$SYS/#", ["sub"]],
];

/** A device's own sub-tree is its own: besides the topics that have a meaning, any topic (MESSAGING.md §2). */
export const devicePermissions: readonly Permission[] = [
  ["#", ["pub", "sub"]],
  ["$description", ["pub"]],
  ["$state", ["pub"]],
];

/** A lost device: it is told what to do and says where it is; its data are not taken (IDENTITY.md §2.H). */
export const lostPermissions: readonly Permission[] = [
  ["manage/#", ["sub"]],
  ["manage/+/status", ["pub"]],
  ["$state", ["pub"]],
];
export const LOST_SCOPE = "dm:lost";

/** Scope of a device's tokens (EXPERIENCE.md §6). */
export const DEVICE_SCOPE = "device:publish device:command";

function list(value: unknown, name: string, fits: (word: string) => boolean): readonly string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > 32)
    throw refused(`${name}: a short list`);
  const words = value.map((word: unknown) => {
    if (typeof word !== "string" || !fits(word)) throw refused(`${name}: unknown value`);
    return word;
  });
  return [...new Set(words)];
}

function granularity(value: unknown): "raw" | "summary" {
  if (value !== "raw" && value !== "summary") throw refused("granularity: raw or summary");
  return value;
}

function summary(value: unknown): { window: string; functions: readonly string[] } {
  if (!isObject(value) || typeof value.window !== "string" || durationMs(value.window) === undefined) {
    throw refused("summary: a window");
  }
  const functions = list(value.functions, "summary.functions", (word) =>
    ["avg", "min", "max", "count", "last"].includes(word),
  );
  return { window: value.window, functions };
}

function duration(value: unknown): string {
  if (typeof value !== "string" || durationMs(value) === undefined) throw refused("duration: such as P30D");
  return value;
}

function purpose(value: unknown): string {
  if (typeof value !== "string" || value.length > 300) throw refused("purpose: up to 300 characters");
  return plainText(value);
}

/** Text from outside for a page: no control or direction-changing characters. */
export function plainText(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").trim();
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refused(rule: string): OAuthError {
  return new OAuthError("invalid_authorization_details", `authorization_details: ${rule}.`);
}
