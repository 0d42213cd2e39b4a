/** One device as the app may see it. */
export interface GrantedDevice {
  /** Pairwise: no other app knows the device by it. */
  readonly handle: string;
  /** The model's title. */
  readonly title: string;
  readonly properties: Readonly<Record<string, { readonly title: string; readonly unit?: string }>>;
  /** Only the actions that were granted. */
  readonly actions: Readonly<Record<string, { readonly title: string }>>;
}

/** What the user consented to, as the retained `grant` topic says it. */
export interface AppGrant {
  readonly devices: readonly GrantedDevice[];
  /** `undefined`: no end. */
  readonly expiresAt?: Date;
}

/** @returns `undefined` for anything that is not a grant; single devices that are malformed are left out. */
export function parseGrant(payload: string): AppGrant | undefined {
  let json: unknown;
  try {
    json = JSON.parse(payload);
  } catch {
    return undefined;
  }
  if (!isObject(json) || !Array.isArray(json.devices)) return undefined;
  const devices = json.devices.map(parseDevice).filter((device) => device !== undefined);
  const expiresAt = typeof json.expires_at === "string" ? new Date(json.expires_at) : undefined;
  return {
    devices,
    ...(expiresAt === undefined || Number.isNaN(expiresAt.getTime()) ? {} : { expiresAt }),
  };
}

function parseDevice(json: unknown): GrantedDevice | undefined {
  if (!isObject(json) || typeof json.handle !== "string") return undefined;
  return {
    handle: json.handle,
    title: typeof json.title === "string" ? json.title : "Device",
    properties: mapEntries(json.properties, (name, entry) => ({
      title: typeof entry.title === "string" ? entry.title : name,
      ...(typeof entry.unit === "string" ? { unit: entry.unit } : {}),
    })),
    actions: mapEntries(json.actions, (name, entry) => ({
      title: typeof entry.title === "string" ? entry.title : name,
    })),
  };
}

function mapEntries<T>(
  json: unknown,
  read: (name: string, entry: Record<string, unknown>) => T,
): Record<string, T> {
  if (!isObject(json)) return {};
  return Object.fromEntries(
    Object.entries(json)
      .filter((pair): pair is [string, Record<string, unknown>] => isObject(pair[1]))
      .map(([name, entry]) => [name, read(name, entry)]),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
