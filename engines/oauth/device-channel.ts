import type {
  Connect,
  Packet,
  Properties,
  ProtocolLevel,
  Publish,
  ReasonCode,
  Subscribe,
  TopicName,
} from "../mqtt/packet.ts";
import { reasonCode } from "../mqtt/reason-code.ts";

/**
 * A device's MQTT connection to the DIdP: a request and answer channel for tokens, not a broker (IDENTITY.md
 * §2.D). Sans-IO: packets go in, steps come out, and the state is a plain object that can sleep beside a socket.
 */
export interface ChannelState {
  readonly protocolLevel: ProtocolLevel;
  /** Proved by its secret; absent before the CONNACK. */
  readonly oauthClientId?: string;
  /** `oauth/res` is subscribed, at this QoS. */
  readonly answerQos?: 0 | 1;
  /** It has asked for a device code and is told when the claim is approved. */
  readonly isWaiting: boolean;
  /** It came without a client id and is given one (MQTT 5 §3.2.2.3.7). */
  readonly needsClientId: boolean;
  readonly nextPacketId: number;
}

/** What a device may ask here. */
export type DeviceRequest =
  | { readonly kind: "token"; readonly grantType: string; readonly token: string }
  /**
   * `boot`: random at each start of the device, for the claim policy "possession"; `resource`: the gateway that it is
   * for (RFC 8707).
   */
  | { readonly kind: "device_authorization"; readonly boot?: string; readonly resource?: string }
  | { readonly kind: "revoke"; readonly token: string }
  | { readonly kind: "presence"; readonly deviceCode: string };

/** Where the answer to a request goes, and how the device recognises it. */
export interface AnswerAddress {
  readonly topicName: TopicName;
  /** The request's own `id`, echoed. */
  readonly id?: string | number;
  readonly correlationData?: Uint8Array;
}

export type ChannelStep =
  | { readonly kind: "send"; readonly packets: readonly Packet[] }
  /** To be answered by `connected`. */
  | { readonly kind: "authenticate"; readonly oauthClientId: string; readonly secret: string }
  /** To be answered by `answer`. */
  | { readonly kind: "ask"; readonly request: DeviceRequest; readonly to: AnswerAddress }
  | { readonly kind: "close"; readonly packets: readonly Packet[] };

/** Largest packet either way; a token answer is about a kilobyte. */
export const CHANNEL_PACKET_BYTES = 8192;
export const ANSWER_TOPIC = "oauth/res" as TopicName; // no wildcard, no NUL

const REQUEST_TOPICS = new Set([
  "oauth/token",
  "oauth/device_authorization",
  "oauth/revoke",
  "oauth/presence",
]);

/** One packet from the device. */
export function receive(
  state: ChannelState,
  packet: Packet,
): { readonly state: ChannelState; readonly steps: readonly ChannelStep[] } {
  if (packet.type === "connect") return { state, steps: [connect(packet)] };
  // The decoder lets nothing come before CONNECT; a CONNECT that was refused has closed the connection.
  if (state.oauthClientId === undefined) return { state, steps: [{ kind: "close", packets: [] }] };
  switch (packet.type) {
    case "subscribe":
      return subscribe(state, packet);
    case "publish":
      return publish(state, packet);
    case "pingreq":
      return { state, steps: [send({ type: "pingresp" })] };
    case "unsubscribe": {
      const { answerQos: _, ...rest } = state;
      const reasonCodes = packet.topicFilters.map(() => reasonCode.success);
      return { state: rest, steps: [send({ type: "unsuback", packetId: packet.packetId, reasonCodes })] };
    }
    case "puback":
      return { state, steps: [] };
    case "disconnect":
      return { state, steps: [{ kind: "close", packets: [] }] };
    default:
      return { state, steps: [refuse(reasonCode.protocolError, state.protocolLevel)] };
  }
}

/** The state of a connection whose CONNECT is there but not yet proved. */
export function newChannel(packet: Connect): ChannelState {
  return {
    protocolLevel: packet.protocolLevel,
    isWaiting: false,
    needsClientId: packet.mqttClientId === "",
    nextPacketId: 1,
  };
}

/** The outcome of `authenticate`. */
export function connected(
  state: ChannelState,
  oauthClientId: string,
  outcome: "right" | "wrong" | "disabled",
): { readonly state: ChannelState; readonly steps: readonly ChannelStep[] } {
  if (outcome !== "right") {
    // 3.1.1: return code 4 for a wrong pair, 5 for a disabled one; the encoder translates.
    const reason = outcome === "wrong" ? reasonCode.badUserNameOrPassword : reasonCode.notAuthorized;
    return {
      state,
      steps: [{ kind: "close", packets: [{ type: "connack", sessionPresent: false, reasonCode: reason }] }],
    };
  }
  const properties: Properties = {
    sessionExpiryInterval: 0,
    maximumQoS: 1,
    retainAvailable: 0,
    maximumPacketSize: CHANNEL_PACKET_BYTES,
    wildcardSubscriptionAvailable: 0,
    subscriptionIdentifierAvailable: 0,
    sharedSubscriptionAvailable: 0,
    // [MQTT-3.2.2-16] any will do: this server does not tell connections apart by it
    ...(state.needsClientId ? { assignedClientIdentifier: "device" } : {}),
  };
  return {
    state: { ...state, oauthClientId },
    steps: [send({ type: "connack", sessionPresent: false, reasonCode: reasonCode.success, properties })],
  };
}

/** An answer or an event, as a PUBLISH to this connection. */
export function answer(
  state: ChannelState,
  to: AnswerAddress,
  body: Readonly<Record<string, unknown>>,
): { readonly state: ChannelState; readonly packet: Publish } {
  const qos = state.answerQos ?? 0;
  const payload = new TextEncoder().encode(
    JSON.stringify(to.id === undefined ? body : { id: to.id, ...body }),
  );
  const properties: Properties = {
    contentType: "application/json",
    payloadFormatIndicator: 1,
    ...(to.correlationData === undefined ? {} : { correlationData: to.correlationData }),
  };
  const packet: Publish = {
    type: "publish",
    topicName: to.topicName,
    payload,
    qos,
    retain: false,
    dup: false,
    ...(qos === 0 ? {} : { packetId: state.nextPacketId }),
    properties,
  };
  return { state: { ...state, nextPacketId: (state.nextPacketId % 65_535) + 1 }, packet };
}

function connect(packet: Connect): ChannelStep {
  const level = packet.protocolLevel;
  if (packet.properties?.authenticationMethod !== undefined) {
    return { kind: "close", packets: [connack(reasonCode.badAuthenticationMethod)] };
  }
  // [MQTT-3.1.1:3.1.3-8] no client id and a session to keep
  if (level !== 5 && packet.mqttClientId === "" && !packet.cleanStart) {
    return { kind: "close", packets: [connack(reasonCode.clientIdentifierNotValid)] };
  }
  if (packet.will !== undefined) return { kind: "close", packets: [connack(reasonCode.notAuthorized)] };
  if (packet.userName === undefined || packet.password === undefined) {
    return { kind: "close", packets: [connack(reasonCode.badUserNameOrPassword)] };
  }
  return {
    kind: "authenticate",
    oauthClientId: packet.userName,
    secret: new TextDecoder().decode(packet.password),
  };
}

function subscribe(state: ChannelState, packet: Subscribe) {
  const [first] = packet.subscriptions;
  if (packet.subscriptions.length !== 1 || first?.topicFilter !== (ANSWER_TOPIC as string)) {
    return { state, steps: [refuse(reasonCode.notAuthorized, state.protocolLevel)] };
  }
  const answerQos: 0 | 1 = first.qos === 0 ? 0 : 1;
  return {
    state: { ...state, answerQos },
    steps: [send({ type: "suback", packetId: packet.packetId, reasonCodes: [answerQos] })],
  };
}

function publish(state: ChannelState, packet: Publish) {
  if (packet.qos === 2) return { state, steps: [refuse(reasonCode.qosNotSupported, state.protocolLevel)] };
  if (packet.retain || !REQUEST_TOPICS.has(packet.topicName)) {
    return { state, steps: [refuse(reasonCode.notAuthorized, state.protocolLevel)] };
  }
  const acknowledged: ChannelStep[] =
    packet.packetId === undefined
      ? []
      : [send({ type: "puback", packetId: packet.packetId, reasonCode: reasonCode.success })];
  const read = readRequest(packet);
  if (read === undefined) {
    return { state, steps: [...acknowledged, refuse(reasonCode.payloadFormatInvalid, state.protocolLevel)] };
  }
  const asked: ChannelStep = { kind: "ask", request: read.request, to: addressOf(packet, read.id) };
  const isWaiting = state.isWaiting || read.request.kind === "device_authorization";
  return { state: { ...state, isWaiting }, steps: [...acknowledged, asked] };
}

function readRequest(packet: Publish): { request: DeviceRequest; id: AnswerAddress["id"] } | undefined {
  const fields = readFields(packet.payload);
  if (fields === undefined) return undefined;
  const text = (name: string) => (typeof fields[name] === "string" ? fields[name] : "");
  const id = readId(fields.id);
  switch (packet.topicName as string) {
    case "oauth/token": {
      const grantType = text("grant_type");
      const token = grantType === "refresh_token" ? text("refresh_token") : text("device_code");
      return { request: { kind: "token", grantType, token }, id };
    }
    case "oauth/device_authorization":
      return {
        request: {
          kind: "device_authorization",
          ...("boot" in fields ? { boot: text("boot") } : {}),
          ...("resource" in fields ? { resource: text("resource") } : {}),
        },
        id,
      };
    case "oauth/presence":
      return { request: { kind: "presence", deviceCode: text("device_code") }, id };
    default:
      return { request: { kind: "revoke", token: text("token") }, id };
  }
}

function readFields(payload: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  if (payload.length === 0) return {};
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(payload));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>) // an object by the test
      : undefined;
  } catch {
    return undefined;
  }
}

/** Said back as it came, so that whoever counts finds the number. */
function readId(id: unknown): AnswerAddress["id"] {
  return id === undefined || typeof id === "number" ? id : String(id).slice(0, 64);
}

function addressOf(packet: Publish, id: AnswerAddress["id"]): AnswerAddress {
  const { responseTopic, correlationData } = packet.properties ?? {};
  return {
    topicName: responseTopic ?? ANSWER_TOPIC,
    ...(id === undefined ? {} : { id }),
    ...(correlationData === undefined ? {} : { correlationData: correlationData.slice() }),
  };
}

function send(...packets: readonly Packet[]): ChannelStep {
  return { kind: "send", packets };
}

function connack(reason: ReasonCode): Packet {
  return { type: "connack", sessionPresent: false, reasonCode: reason };
}

function refuse(reason: ReasonCode, protocolLevel: ProtocolLevel): ChannelStep {
  // Below 5.0 a server cannot say why: it closes.
  return { kind: "close", packets: protocolLevel === 5 ? [{ type: "disconnect", reasonCode: reason }] : [] };
}
