import { Decoder } from "../mqtt/decoder.ts";
import type { Connect, Packet, PacketId, ProtocolLevel, ReasonCode, TopicName } from "../mqtt/packet.ts";
import type { TopicNames } from "../mqtt/topic-names.ts";
import type { Authority } from "../oauth/authority.ts";
import { type Budget, newBudget } from "./budget.ts";
import type { ConnectionId } from "./effect.ts";
import { type Refusal, tableOf } from "./ledger.ts";
import type { Limits } from "./limits.ts";
import type { CanonicalTopic } from "./message.ts";
import type { FreshRetained } from "./retained.ts";
import type { Session } from "./session.ts";
import type { SessionId } from "./store.ts";
import { smallPendingBytes } from "./unsaved.ts";

/** What of a connection survives hibernation, beside its socket. Plain values only. */
export interface Attachment {
  readonly connection: ConnectionId;
  readonly openedAtMs: number;
  readonly lastSeenMs: number;
  /** The start of a packet whose rest has not come. */
  readonly pending?: Uint8Array;
  readonly authority?: Authority;
  /** Absent until CONNECT is accepted. */
  readonly client?: {
    readonly session: SessionId;
    readonly generation: number;
    readonly protocolLevel: ProtocolLevel;
    readonly keepAliveSeconds: number;
    readonly receiveMaximum: number;
    readonly maximumPacketBytes: number;
    readonly topicAliasMaximum: number;
    readonly wantsProblemInformation: boolean;
    readonly authenticationMethod?: string;
    readonly wasToldOfExpiry: boolean;
    readonly aliasesIn: readonly (readonly [alias: number, topicName: TopicName])[];
    readonly aliasesOut: readonly TopicName[];
    readonly fresh: readonly (readonly [CanonicalTopic, FreshRetained])[];
    readonly lastPacketId: PacketId;
    /** Rows from here on have a packet identifier of an earlier connection, and were not sent on this one yet. */
    readonly unsentFromSeq?: number;
    /** See `Connection.openIncoming`. */
    readonly openIncoming: number;
    /** Of a session that ends with this connection, and so needs no rows: [id, QoS, seq or 0, isReleased]. */
    readonly inFlight?: readonly (readonly [PacketId, 1 | 2, number, boolean])[];
    readonly received?: readonly PacketId[];
    readonly refusals?: readonly Refusal[];
  };
}

/** What a connection waits for; packets that arrive meanwhile are held, in order. */
export type Waiting =
  | { readonly for: "connect"; readonly packet: Connect; readonly token: string }
  | { readonly for: "auth"; readonly token: string }
  | { readonly for: "publish"; readonly token: string; readonly packetId: PacketId | undefined };

/** One socket and the MQTT stream in it. */
export class Connection {
  readonly id: ConnectionId;
  readonly openedAtMs: number;
  readonly decoder: Decoder;
  authority: Authority | undefined;
  session: Session | undefined;
  protocolLevel: ProtocolLevel = 5;
  keepAliveSeconds = 0;
  lastSeenMs: number;
  /** What the attachment says of `lastSeenMs`. */
  attachedSeenMs: number;
  /** How much later than `lastSeenMs` it may have been in truth: the attachment is not written with every packet. */
  seenSlackMs = 0;
  receiveMaximum = 65_535;
  maximumPacketBytes: number;
  /** QoS 2 messages begun on this connection and not complete. */
  openIncoming = 0;
  topicAliasMaximum = 0;
  wantsProblemInformation = false;
  authenticationMethod: string | undefined;
  wasToldOfExpiry = false;
  aliasesIn = new Map<number, TopicName>();
  aliasesOut = new Map<TopicName, number>();
  /** What this connection retains at QoS 0, by topic. */
  fresh = new Map<CanonicalTopic, FreshRetained>();
  /** What it was refused and the ledger's rows do not say yet. */
  readonly refusals: Map<string, Refusal>;
  waiting: Waiting | undefined;
  readonly held: Packet[] = [];
  heldBytes = 0;
  /** Set when a decode failure is to follow the held packets. */
  failure: { readonly code: ReasonCode; readonly reason: string } | undefined;
  isClosed = false;
  /** The socket went while an answer was awaited; what had arrived before is still carried out. */
  isGone = false;
  /** Bytes of this turn, in order. */
  outbox: Uint8Array[] = [];
  /** How much of an incomplete packet the attachment holds. */
  attachedPendingBytes: number;
  /** Whether the next attachment takes a large incomplete packet too. */
  attachesPending = false;
  /** Whether the attachment is behind, and must be written before the object may sleep. */
  isStale = false;
  /** For how often it is written at once: see `keepSoon`. */
  readonly attaching: Budget;
  /** Whether the attachment must be written at the end of the turn. */
  isChanged = false;
  /** Token bucket of the messages per second. */
  readonly budget: Budget;
  /** Token bucket of the frames per second. */
  readonly arrivals: Budget;
  /** See `Limits.unheardBytes`. */
  unheardBytes = 0;
  unheardAtMs: number;

  constructor(
    id: ConnectionId,
    nowMs: number,
    limits: Limits,
    topicNames: TopicNames,
    attachment?: Attachment,
  ) {
    this.id = id;
    this.openedAtMs = attachment?.openedAtMs ?? nowMs;
    this.lastSeenMs = attachment?.lastSeenMs ?? nowMs;
    this.attachedSeenMs = this.lastSeenMs;
    this.maximumPacketBytes = limits.maximumPacketBytes;
    this.authority = attachment?.authority;
    this.budget = newBudget(nowMs);
    this.arrivals = newBudget(nowMs);
    this.attaching = newBudget(nowMs);
    this.unheardAtMs = nowMs;
    this.attachedPendingBytes = attachment?.pending?.byteLength ?? 0;
    const client = attachment?.client;
    this.refusals = tableOf(client?.refusals ?? []);
    this.decoder = new Decoder({
      role: "server",
      maximumPacketSize: limits.maximumPacketBytes,
      maximumConnectSize: limits.bytesBeforeConnect,
      topicNames,
      ...(client !== undefined && { protocolLevel: client.protocolLevel }),
      ...(attachment?.pending !== undefined && { pending: attachment.pending }),
    });
    if (client === undefined) return;
    this.protocolLevel = client.protocolLevel;
    this.keepAliveSeconds = client.keepAliveSeconds;
    this.receiveMaximum = client.receiveMaximum;
    this.maximumPacketBytes = client.maximumPacketBytes;
    this.topicAliasMaximum = client.topicAliasMaximum;
    this.wantsProblemInformation = client.wantsProblemInformation;
    this.authenticationMethod = client.authenticationMethod;
    this.wasToldOfExpiry = client.wasToldOfExpiry;
    this.aliasesIn = new Map(client.aliasesIn);
    this.aliasesOut = new Map(client.aliasesOut.map((topicName, index) => [topicName, index + 1]));
    this.fresh = new Map(client.fresh);
    this.openIncoming = client.openIncoming;
    this.seenSlackMs = client.keepAliveSeconds * 1000 * limits.keepAliveSlack;
  }

  /** When the client must have been heard from (MQTT 5.0 §3.1.2.10), or its CONNECT be complete. */
  silentUntilMs(limits: Limits): number {
    if (this.session === undefined) return this.openedAtMs + limits.connectSeconds * 1000;
    if (this.keepAliveSeconds === 0) return Number.POSITIVE_INFINITY;
    // [MQTT-3.1.2-22] [MQTT-3.1.1:3.1.2-24] one and a half times the keep alive
    return this.lastSeenMs + this.seenSlackMs + this.keepAliveSeconds * 1500;
  }

  /** What to keep beside the socket, as of now. */
  attachment(): Attachment {
    const { session, decoder } = this;
    const isPendingTaken = this.attachesPending || decoder.pendingBytes <= smallPendingBytes;
    this.attachesPending = false;
    this.attachedPendingBytes = isPendingTaken ? decoder.pendingBytes : 0;
    const unsentFromSeq =
      session?.outgoing === undefined
        ? session?.unsentFromSeq
        : session.outgoing.waiting.find(({ packetId }) => packetId !== undefined)?.seq;
    return {
      connection: this.id,
      openedAtMs: this.openedAtMs,
      lastSeenMs: this.lastSeenMs,
      ...(this.attachedPendingBytes > 0 && { pending: decoder.pending }),
      ...(this.authority !== undefined && { authority: this.authority }),
      ...(session !== undefined && {
        client: {
          session: session.id,
          generation: session.generation,
          protocolLevel: this.protocolLevel,
          keepAliveSeconds: this.keepAliveSeconds,
          receiveMaximum: this.receiveMaximum,
          maximumPacketBytes: this.maximumPacketBytes,
          topicAliasMaximum: this.topicAliasMaximum,
          wantsProblemInformation: this.wantsProblemInformation,
          ...(this.authenticationMethod !== undefined && { authenticationMethod: this.authenticationMethod }),
          wasToldOfExpiry: this.wasToldOfExpiry,
          aliasesIn: [...this.aliasesIn],
          aliasesOut: [...this.aliasesOut.keys()],
          fresh: [...this.fresh],
          lastPacketId: session.outgoing?.lastPacketId ?? 0,
          ...(this.refusals.size > 0 && { refusals: [...this.refusals.values()] }),
          ...(unsentFromSeq !== undefined && { unsentFromSeq }),
          openIncoming: this.openIncoming,
          ...(!session.isPersistent && {
            inFlight: [...(session.outgoing?.inFlight ?? [])].map(
              ([packetId, { qos, seq, isReleased }]) => [packetId, qos, seq, isReleased] as const,
            ),
            received: [...(session.incoming ?? [])],
          }),
        },
      }),
    };
  }
}
