/**
 * What a token gives, as the gateway and the personal cloud see it. The person, the OAuth client id and the
 * login are not in here and never reach either of them (IDENTITY.md §3.1).
 */

/**
 * A user as one gateway knows them: HMAC(key of that gateway, anonymous id), base64url; another operator's user by
 * `foreignUser`. Names the PCM object.
 */
export type GatewayUserId = string & { readonly __brand: "GatewayUserId" };

/**
 * An app as one gateway knows it: HMAC(key of that gateway, client id), base64url; another operator's app by
 * `foreignApp`. Names the objects of its rules.
 */
export type GatewayAppId = string & { readonly __brand: "GatewayAppId" };

/** `dh`: a device under one ownership; new with every owner. base64url of 16 random bytes. */
export type DeviceHandle = string & { readonly __brand: "DeviceHandle" };

/** `gid`: one grant, that is one device's ownership or one app's consent. base64url of 16 random bytes. */
export type GrantId = string & { readonly __brand: "GrantId" };

/** One AIF-MQTT entry: a topic filter in the session's own mount, and what may be done there (RFC 9431 §2.3). */
export type Permission = readonly [topicFilter: string, actions: readonly ("pub" | "sub")[]];

/** The authority of one connection. */
export interface Authority {
  readonly user: GatewayUserId;
  readonly kind: "device" | "app" | "owner";
  /** A `DeviceHandle` for a device, a `GrantId` for an app and for an owner's session. */
  readonly handle: string;
  readonly permissions: readonly Permission[];
  /** When the token ends; nothing is delivered afterwards. */
  readonly expiresAtMs: number;
  /** Grows when the grant's authority is cut; a revocation refuses every lower epoch. */
  readonly epoch: number;
}

/** The DIdP's answer about a token: RFC 7662, only for gateways, and no word about why a token is not active. */
export type Introspection =
  | { readonly active: true; readonly authority: Authority }
  | { readonly active: false };

/** What a token of an app's own says, of which no user is part (RFC 6749 §4.4); else `{ active: false }` and no more. */
export type AppIntrospection =
  | { readonly active: true; readonly app: GatewayAppId; readonly expiresAtMs: number }
  | { readonly active: false };

/** What the DIdP tells the gateway when authority ends before its time (IDENTITY.md §2.G). */
export interface RevocationNotice {
  readonly user: GatewayUserId;
  /** A device handle, a grant id, or "*" for everything of that user. */
  readonly handle: string;
  /** Tokens of a lower epoch are refused from now on. */
  readonly epoch: number;
  readonly reason: "revoked" | "released" | "suspect" | "deleted";
}

/** What a newly claimed device is called and is like, for its owner's personal cloud. */
export interface ClaimedDevice {
  readonly handle: DeviceHandle;
  /** The owner's own words; kept in the PCM and nowhere else. */
  readonly name: string;
  readonly model: DeviceModel;
}

/** The public description of a product (a cut of the W3C WoT Thing Model). */
export interface DeviceModel {
  readonly title: string;
  readonly properties: Readonly<Record<string, { readonly title: string; readonly unit?: string }>>;
  readonly actions: Readonly<Record<string, { readonly title: string }>>;
}

/** An app's wish, on its way from the DIdP's consent page to the selection page of the personal cloud. */
export interface ConsentRequest {
  readonly user: GatewayUserId;
  readonly grantId: GrantId;
  /** Which app's rules the grant feeds. */
  readonly app: GatewayAppId;
  readonly appName: string;
  /** Where the app lives, as the DIdP checked it. */
  readonly appOrigin: string;
  readonly actions: readonly AccessAction[];
  readonly purpose?: string;
  /** When the consent ends at the latest. */
  readonly expiresAtMs: number;
}

/** The `actions` of the `iot_access` authorization detail (RFC 9396; IDENTITY.md §2.F). */
export type AccessAction = "read" | "command" | "shadow" | "history";

/** What the owner chose on the selection page; only the personal cloud ever holds it. */
export interface Selection {
  readonly grantId: GrantId;
  readonly appName: string;
  readonly devices: readonly { readonly handle: DeviceHandle; readonly actions: readonly AccessAction[] }[];
  readonly expiresAtMs: number;
}
