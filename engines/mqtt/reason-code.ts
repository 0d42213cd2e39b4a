import type { ErrorCode } from "../errors/coded-error.ts";
import type { Packet, ProtocolLevel, ReasonCode } from "./packet.ts";

/**
 * Reason codes by name. 0x00..0x02 mean different things in different packets, hence the aliases.
 *
 * @see MQTT 5.0 §2.4
 */
export const reasonCode = {
  success: 0x00,
  normalDisconnection: 0x00,
  grantedQoS0: 0x00,
  grantedQoS1: 0x01,
  grantedQoS2: 0x02,
  disconnectWithWillMessage: 0x04,
  noMatchingSubscribers: 0x10,
  noSubscriptionExisted: 0x11,
  continueAuthentication: 0x18,
  reAuthenticate: 0x19,
  unspecifiedError: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  implementationSpecificError: 0x83,
  unsupportedProtocolVersion: 0x84,
  clientIdentifierNotValid: 0x85,
  badUserNameOrPassword: 0x86,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  serverBusy: 0x89,
  banned: 0x8a,
  serverShuttingDown: 0x8b,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  packetIdentifierInUse: 0x91,
  packetIdentifierNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  messageRateTooHigh: 0x96,
  quotaExceeded: 0x97,
  administrativeAction: 0x98,
  payloadFormatInvalid: 0x99,
  retainNotSupported: 0x9a,
  qosNotSupported: 0x9b,
  useAnotherServer: 0x9c,
  serverMoved: 0x9d,
  sharedSubscriptionsNotSupported: 0x9e,
  connectionRateExceeded: 0x9f,
  maximumConnectTime: 0xa0,
  subscriptionIdentifiersNotSupported: 0xa1,
  wildcardSubscriptionsNotSupported: 0xa2,
} as const satisfies Record<string, ReasonCode>;

/** Our error codes on the wire of MQTT 5.0: the one table for this wire. */
export const reasonCodeOf: Record<ErrorCode, ReasonCode> = {
  BAD_REQUEST: reasonCode.implementationSpecificError,
  UNAUTHENTICATED: reasonCode.badUserNameOrPassword,
  FORBIDDEN: reasonCode.notAuthorized,
  NOT_FOUND: reasonCode.implementationSpecificError,
  CONFLICT: reasonCode.implementationSpecificError,
  TOO_LARGE: reasonCode.quotaExceeded,
  TOO_MANY_REQUESTS: reasonCode.messageRateTooHigh,
  UNAVAILABLE: reasonCode.serverUnavailable,
  INTERNAL: reasonCode.unspecifiedError,
  MALFORMED_PACKET: reasonCode.malformedPacket,
  PROTOCOL_ERROR: reasonCode.protocolError,
  UNSUPPORTED_PROTOCOL_VERSION: reasonCode.unsupportedProtocolVersion,
  PACKET_TOO_LARGE: reasonCode.packetTooLarge,
};

/**
 * Return codes of a CONNACK in MQTT 3.1 and 3.1.1; 6..255 are reserved.
 *
 * @see MQTT 3.1.1 §3.2.2.3
 */
export const connectReturnCode = {
  accepted: 0,
  unacceptableProtocolVersion: 1,
  identifierRejected: 2,
  serverUnavailable: 3,
  badUserNameOrPassword: 4,
  notAuthorized: 5,
} as const satisfies Record<string, ReasonCode>;

const returnCodeOf = new Map<ReasonCode, ReasonCode>([
  [reasonCode.unsupportedProtocolVersion, connectReturnCode.unacceptableProtocolVersion],
  [reasonCode.clientIdentifierNotValid, connectReturnCode.identifierRejected],
  [reasonCode.badUserNameOrPassword, connectReturnCode.badUserNameOrPassword],
  [reasonCode.badAuthenticationMethod, connectReturnCode.badUserNameOrPassword],
  [reasonCode.notAuthorized, connectReturnCode.notAuthorized],
  [reasonCode.banned, connectReturnCode.notAuthorized],
]);

/**
 * The CONNACK code of a level: 5.0 keeps the reason code, 3.1 and 3.1.1 get the nearest of their six.
 * Codes 0..5 pass unchanged, so either numbering may be handed in.
 */
export function connackCode(reason: ReasonCode, protocolLevel: ProtocolLevel): ReasonCode {
  if (protocolLevel === 5 || reason <= connectReturnCode.notAuthorized) return reason;
  return returnCodeOf.get(reason) ?? connectReturnCode.serverUnavailable;
}

const names = new Map<ReasonCode, string>();
for (const [name, code] of Object.entries(reasonCode)) {
  if (!names.has(code))
    names.set(
      code,
      name.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`),
    );
}

/** @returns words for a log line or a CLI, for example `not authorized`; the number in hex if it has no name. */
export function reasonCodeName(code: ReasonCode): string {
  return names.get(code) ?? `0x${code.toString(16).padStart(2, "0")}`;
}

/** Who sends a packet: a few codes and properties are allowed in one direction only. */
export type Sender = "client" | "server";

const code = reasonCode;
// biome-ignore format: a list of codes reads better packed
const acknowledgement = [
  code.success, code.noMatchingSubscribers, code.unspecifiedError, code.implementationSpecificError,
  code.notAuthorized, code.topicNameInvalid, code.packetIdentifierInUse, code.quotaExceeded,
  code.payloadFormatInvalid,
];
const release = [code.success, code.packetIdentifierNotFound];
// biome-ignore format: a list of codes reads better packed
const disconnectByEither = [
  code.normalDisconnection, code.unspecifiedError, code.malformedPacket, code.protocolError,
  code.implementationSpecificError, code.topicNameInvalid, code.receiveMaximumExceeded, code.topicAliasInvalid,
  code.packetTooLarge, code.messageRateTooHigh, code.quotaExceeded, code.administrativeAction,
  code.payloadFormatInvalid,
];

/** The codes a packet of MQTT 5.0 may hold, by who sends it. */
// biome-ignore format: lists of codes read better packed
const allowed: Record<
  Exclude<Packet["type"], "connect" | "publish" | "subscribe" | "unsubscribe" | "pingreq" | "pingresp">,
  Record<Sender, ReadonlySet<ReasonCode>>
> = {
  connack: either([
    code.success, code.unspecifiedError, code.malformedPacket, code.protocolError,
    code.implementationSpecificError, code.unsupportedProtocolVersion, code.clientIdentifierNotValid,
    code.badUserNameOrPassword, code.notAuthorized, code.serverUnavailable, code.serverBusy, code.banned,
    code.badAuthenticationMethod, code.topicNameInvalid, code.packetTooLarge, code.quotaExceeded,
    code.payloadFormatInvalid, code.retainNotSupported, code.qosNotSupported, code.useAnotherServer,
    code.serverMoved, code.connectionRateExceeded,
  ]),
  puback: either(acknowledgement),
  pubrec: either(acknowledgement),
  pubrel: either(release),
  pubcomp: either(release),
  suback: either([
    code.grantedQoS0, code.grantedQoS1, code.grantedQoS2, code.unspecifiedError,
    code.implementationSpecificError, code.notAuthorized, code.topicFilterInvalid, code.packetIdentifierInUse,
    code.quotaExceeded, code.sharedSubscriptionsNotSupported, code.subscriptionIdentifiersNotSupported,
    code.wildcardSubscriptionsNotSupported,
  ]),
  unsuback: either([
    code.success, code.noSubscriptionExisted, code.unspecifiedError, code.implementationSpecificError,
    code.notAuthorized, code.topicFilterInvalid, code.packetIdentifierInUse,
  ]),
  disconnect: {
    client: new Set([...disconnectByEither, code.disconnectWithWillMessage]),
    server: new Set([
      ...disconnectByEither, code.notAuthorized, code.serverBusy, code.serverShuttingDown, code.keepAliveTimeout,
      code.sessionTakenOver, code.topicFilterInvalid, code.retainNotSupported, code.qosNotSupported,
      code.useAnotherServer, code.serverMoved, code.sharedSubscriptionsNotSupported, code.connectionRateExceeded,
      code.maximumConnectTime, code.subscriptionIdentifiersNotSupported, code.wildcardSubscriptionsNotSupported,
    ]),
  },
  auth: {
    client: new Set([code.continueAuthentication, code.reAuthenticate]),
    server: new Set([code.success, code.continueAuthentication]),
  },
};

function either(codes: readonly ReasonCode[]): Record<Sender, ReadonlySet<ReasonCode>> {
  const set = new Set(codes);
  return { client: set, server: set };
}

/**
 * Whether `code` is in the list of the packet's own section, for that sender.
 *
 * @see MQTT 5.0 §3.2.2.2, §3.4.2.1, §3.5.2.1, §3.6.2.1, §3.7.2.1, §3.9.3, §3.11.3, §3.14.2.1, §3.15.2.1
 */
export function isReasonCodeAllowed(type: keyof typeof allowed, reason: ReasonCode, sender: Sender): boolean {
  return allowed[type][sender].has(reason);
}
