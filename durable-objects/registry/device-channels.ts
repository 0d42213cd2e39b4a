import { Decoder } from "../../engines/mqtt/decoder.ts";
import { encodeAll } from "../../engines/mqtt/encoder.ts";
import type { Packet } from "../../engines/mqtt/packet.ts";
import { base64url, fromBase64url } from "../../engines/oauth/base64url.ts";
import { DEVICE_CODE_GRANT } from "../../engines/oauth/client-metadata.ts";
import {
  ANSWER_TOPIC,
  answer,
  CHANNEL_PACKET_BYTES,
  type ChannelState,
  type ChannelStep,
  connected,
  type DeviceRequest,
  newChannel,
  receive,
} from "../../engines/oauth/device-channel.ts";
import type { RevocationResult, TokenResult, TokenSet } from "./grant-tokens.ts";
import { type HomeGateway, tokenAnswer } from "./token-answer.ts";

/** What the registry does for a device, whichever way it asks. */
export interface DeviceDesk {
  authenticate(oauthClientId: string, secret: string): Promise<"right" | "wrong" | "disabled">;
  deviceCode(
    oauthClientId: string,
    boot?: string,
    resource?: string,
  ): Promise<Readonly<Record<string, unknown>>>;
  poll(oauthClientId: string, deviceCode: string): Promise<TokenResult>;
  refresh(oauthClientId: string, token: string): Promise<TokenResult>;
  revoke(oauthClientId: string, token: string): Promise<RevocationResult>;
  presence(oauthClientId: string, deviceCode: string): Promise<boolean>;
  waitingTokens(oauthClientId: string): Promise<TokenSet | undefined>;
}

/** What lies beside a sleeping socket. */
interface Attachment {
  readonly channel: ChannelState | undefined;
  /** Start of a packet that goes on in the next frame, base64url. */
  readonly pending: string;
  readonly askedMs: number;
}

const IDLE_MS = 60_000;
/** A device waits for its owner as long as its device code lives. */
const WAITING_MS = 30 * 60_000;

/** The devices' MQTT connections of one shard (IDENTITY.md §2.D); sockets sleep, their state lies beside them. */
export class DeviceChannels {
  readonly #ctx: DurableObjectState;
  readonly #desk: DeviceDesk;
  readonly #home: HomeGateway;
  /** Frames of one socket are handled one after another, although a step may wait for a hash. */
  readonly #queues = new WeakMap<WebSocket, Promise<void>>();

  constructor(ctx: DurableObjectState, desk: DeviceDesk, home: HomeGateway) {
    this.#ctx = ctx;
    this.#desk = desk;
    this.#home = home;
  }

  /** Answers the upgrade. */
  accept(nowMs: number): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.#ctx.acceptWebSocket(server);
    attach(server, { channel: undefined, pending: "", askedMs: nowMs });
    return new Response(null, {
      status: 101,
      webSocket: client,
      headers: { "sec-websocket-protocol": "mqtt" },
    });
  }

  receive(socket: WebSocket, frame: ArrayBuffer | string, nowMs: number): Promise<void> {
    if (typeof frame === "string") {
      socket.close(1003);
      return Promise.resolve();
    }
    const before = this.#queues.get(socket) ?? Promise.resolve();
    const handled = before.then(() => this.#handle(socket, new Uint8Array(frame), nowMs));
    this.#queues.set(socket, handled);
    return handled;
  }

  /** Tells the device, if it is here and waiting, that it has an owner. */
  async claimed(oauthClientId: string): Promise<void> {
    for (const socket of this.#waiting(oauthClientId)) await this.#pushTokens(socket);
  }

  /** Tells the device, if it is here and waiting, that somebody said no: it has to ask for a new code. */
  denied(oauthClientId: string): void {
    for (const socket of this.#waiting(oauthClientId)) {
      if (attachmentOf(socket).channel?.answerQos !== undefined)
        this.#send(socket, { topicName: ANSWER_TOPIC }, { event: "denied", error: "access_denied" });
    }
  }

  /** Closes what has been silent for too long. @returns when to look again, if anybody is here */
  sweep(nowMs: number): number | undefined {
    const sockets = this.#ctx.getWebSockets();
    for (const socket of sockets) {
      const { askedMs, channel } = attachmentOf(socket);
      const limit = channel?.isWaiting === true ? WAITING_MS : IDLE_MS;
      if (nowMs - askedMs > limit) socket.close(1000);
    }
    return sockets.length === 0 ? undefined : nowMs + IDLE_MS;
  }

  #waiting(oauthClientId: string): readonly WebSocket[] {
    return this.#ctx.getWebSockets().filter((socket) => {
      const { channel } = attachmentOf(socket);
      return channel?.oauthClientId === oauthClientId && channel.isWaiting;
    });
  }

  async #handle(socket: WebSocket, bytes: Uint8Array, nowMs: number): Promise<void> {
    const { channel, pending, askedMs } = attachmentOf(socket);
    const decoder = new Decoder({
      role: "server",
      maximumPacketSize: CHANNEL_PACKET_BYTES,
      ...(channel === undefined ? {} : { protocolLevel: channel.protocolLevel }),
      pending: fromBase64url(pending) ?? new Uint8Array(),
    });
    const { packets, failure } = decoder.push(bytes);
    attach(socket, { channel, pending: base64url(decoder.pending), askedMs });
    for (const packet of packets) {
      if (!(await this.#packet(socket, packet, nowMs))) return;
    }
    if (failure !== undefined) {
      const level = failure.protocolLevel ?? 4;
      const isConnected = attachmentOf(socket).channel?.oauthClientId !== undefined;
      const last: Packet = isConnected
        ? { type: "disconnect", reasonCode: failure.reasonCode }
        : { type: "connack", sessionPresent: false, reasonCode: failure.reasonCode };
      if (failure.protocolLevel !== undefined && (level === 5 || !isConnected)) {
        socket.send(encodeAll([last], level));
      }
      socket.close(1002);
    }
  }

  /** @returns `false` when the connection has ended */
  async #packet(socket: WebSocket, packet: Packet, nowMs: number): Promise<boolean> {
    const attachment = attachmentOf(socket);
    const channel = attachment.channel ?? (packet.type === "connect" ? newChannel(packet) : undefined);
    if (channel === undefined) {
      socket.close(1002);
      return false;
    }
    const { state, steps } = receive(channel, packet);
    const isRequest = steps.some((step) => step.kind === "ask");
    attach(socket, { ...attachment, channel: state, ...(isRequest ? { askedMs: nowMs } : {}) });
    for (const step of steps) if (!(await this.#step(socket, step))) return false;
    return true;
  }

  async #step(socket: WebSocket, step: ChannelStep): Promise<boolean> {
    const { channel } = attachmentOf(socket);
    if (channel === undefined) return false;
    switch (step.kind) {
      case "send":
        socket.send(encodeAll(step.packets, channel.protocolLevel));
        return true;
      case "close":
        if (step.packets.length > 0) socket.send(encodeAll(step.packets, channel.protocolLevel));
        socket.close(1000);
        return false;
      case "authenticate": {
        const outcome = await this.#desk.authenticate(step.oauthClientId, step.secret);
        const next = connected(channel, step.oauthClientId, outcome);
        setChannel(socket, next.state);
        for (const following of next.steps) if (!(await this.#step(socket, following))) return false;
        return true;
      }
      case "ask": {
        const body = await this.#answer(channel.oauthClientId ?? "", step.request);
        this.#send(socket, step.to, body);
        if (step.request.kind === "device_authorization") await this.#pushTokens(socket);
        return true;
      }
    }
  }

  async #answer(oauthClientId: string, request: DeviceRequest): Promise<Readonly<Record<string, unknown>>> {
    switch (request.kind) {
      case "device_authorization":
        return this.#desk.deviceCode(oauthClientId, request.boot, request.resource);
      case "presence":
        return (await this.#desk.presence(oauthClientId, request.deviceCode))
          ? {}
          : { error: "invalid_grant" };
      case "revoke":
        return request.token === ""
          ? MISSING
          : { ...(await this.#desk.revoke(oauthClientId, request.token)) };
      case "token": {
        if (request.grantType === "" || (request.token === "" && GRANTS.has(request.grantType)))
          return MISSING;
        const result = await this.#token(oauthClientId, request.grantType, request.token);
        return "tokens" in result ? tokenAnswer(this.#home, result.tokens) : { error: result.error };
      }
    }
  }

  async #token(oauthClientId: string, grantType: string, token: string): Promise<TokenResult> {
    if (grantType === "refresh_token") return this.#desk.refresh(oauthClientId, token);
    if (grantType === DEVICE_CODE_GRANT) return this.#desk.poll(oauthClientId, token);
    return { error: "unsupported_grant_type" };
  }

  async #pushTokens(socket: WebSocket): Promise<void> {
    const { channel } = attachmentOf(socket);
    if (channel?.answerQos === undefined || channel.oauthClientId === undefined) return;
    const tokens = await this.#desk.waitingTokens(channel.oauthClientId);
    if (tokens === undefined) return;
    this.#send(
      socket,
      { topicName: ANSWER_TOPIC },
      {
        event: "claimed",
        ...(await tokenAnswer(this.#home, tokens)),
      },
    );
  }

  #send(socket: WebSocket, to: Parameters<typeof answer>[1], body: Readonly<Record<string, unknown>>): void {
    const { channel } = attachmentOf(socket);
    if (channel === undefined) return;
    const { state, packet } = answer(channel, to, body);
    setChannel(socket, state);
    socket.send(encodeAll([packet], state.protocolLevel));
  }
}

const GRANTS: ReadonlySet<string> = new Set(["refresh_token", DEVICE_CODE_GRANT]);
/** A field that the request cannot do without. */
const MISSING = { error: "invalid_request" } as const;

function attachmentOf(socket: WebSocket): Attachment {
  return socket.deserializeAttachment() as Attachment; // `attach` wrote it when the socket was accepted
}

function attach(socket: WebSocket, attachment: Attachment): void {
  socket.serializeAttachment(attachment);
}

function setChannel(socket: WebSocket, channel: ChannelState): void {
  attach(socket, { ...attachmentOf(socket), channel });
}
