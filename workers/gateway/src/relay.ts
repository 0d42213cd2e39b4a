import { connectToken } from "../../../engines/broker/connect-token.ts";
import { takenMark } from "../../../engines/broker/taken-mark.ts";
import { reasonCode } from "../../../engines/mqtt/reason-code.ts";
import type { GatewayConfig } from "./config.ts";
import { ConnectReader, type FirstPacket, refusal } from "./connect-reader.ts";
import { type MqttSubprotocol, openPersonalCloud } from "./personal-cloud.ts";

/** The client's side of a relayed connection: a WebSocket (way c) or a TCP socket (way d). */
export interface RelayedClient {
  send(bytes: ArrayBuffer | Uint8Array<ArrayBuffer>): void;
  /** @param code a WebSocket close code; a carrier that has none just closes. */
  close(code: number): void;
}

/** After so many bytes, or frames, a relay asks whether they were taken in. */
const markBytes = 64 * 1024;
const markFrames = 64;

/**
 * A connection whose token comes inside CONNECT. Reads the CONNECT, finds the personal cloud, hands the bytes over
 * as they came, and passes everything on in both directions until either side closes. What the personal cloud has
 * not taken in yet is this Worker's memory, so it is counted.
 */
export class Relay {
  readonly #env: GatewayEnv;
  readonly #config: GatewayConfig;
  readonly #subprotocol: MqttSubprotocol;
  readonly #client: RelayedClient;
  readonly #reader = new ConnectReader();
  readonly #timeout: ReturnType<typeof setTimeout>;
  /** What comes while the token is looked up. */
  readonly #waiting: Uint8Array[] = [];
  #state: "before-connect" | "looking-up" | "open" | "closed" = "before-connect";
  #personalCloud: WebSocket | undefined;
  /** Sent since the last mark. */
  #unmarked = { bytes: 0, frames: 0 };
  /** What was sent before each mark that is not back, oldest first. */
  readonly #marked: number[] = [];
  #onRoom: (() => void) | undefined;

  constructor(env: GatewayEnv, config: GatewayConfig, subprotocol: MqttSubprotocol, client: RelayedClient) {
    this.#env = env;
    this.#config = config;
    this.#subprotocol = subprotocol;
    this.#client = client;
    this.#timeout = setTimeout(() => this.#end(1002), config.connectTimeoutSeconds * 1000);
  }

  /** Bytes from the client, in order. */
  receive(bytes: Uint8Array): void {
    switch (this.#state) {
      case "open":
        this.#pass(bytes);
        return;
      case "looking-up":
        this.#waiting.push(bytes);
        return;
      case "before-connect": {
        const first = this.#reader.push(bytes);
        if (first !== undefined) this.#decide(first);
        return;
      }
      case "closed":
        return;
    }
  }

  /** Bytes that the personal cloud has not taken in. */
  get untakenBytes(): number {
    return this.#marked.reduce((sum, bytes) => sum + bytes, this.#unmarked.bytes);
  }

  /** Resolves when more may be sent: at once, unless two marks are out. */
  async room(): Promise<void> {
    if (this.#marked.length < 2 || this.#state !== "open") return;
    await new Promise<void>((resolve) => {
      this.#onRoom = resolve;
    });
  }

  /** The client has gone; the personal cloud hears it with the same code. */
  clientClosed(code: number): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#timeout);
    closeWith(this.#personalCloud, code);
    this.#onRoom?.();
  }

  #pass(bytes: Uint8Array): void {
    const unmarked = this.#unmarked;
    this.#personalCloud?.send(bytes);
    unmarked.bytes += bytes.byteLength;
    unmarked.frames += 1;
    if (unmarked.bytes < markBytes && unmarked.frames < markFrames) return;
    this.#personalCloud?.send(takenMark);
    this.#marked.push(unmarked.bytes);
    this.#unmarked = { bytes: 0, frames: 0 };
  }

  #taken(): void {
    this.#marked.shift();
    this.#onRoom?.();
    this.#onRoom = undefined;
  }

  #decide(first: FirstPacket): void {
    clearTimeout(this.#timeout);
    if (first.kind === "failure") {
      const { protocolLevel, reasonCode: reason } = first.failure;
      if (protocolLevel !== undefined) this.#client.send(refusal(reason, protocolLevel));
      this.#end(1002);
      return;
    }
    const { protocolLevel } = first.connect;
    const token = connectToken(first.connect);
    if (typeof token === "number") {
      this.#client.send(refusal(token, protocolLevel));
      this.#end(1000);
      return;
    }
    this.#state = "looking-up";
    this.#open(token).then(
      (personalCloud) => {
        if (personalCloud === undefined) {
          this.#client.send(refusal(reasonCode.notAuthorized, protocolLevel));
          this.#end(1000);
        } else if (this.#state === "closed") closeWith(personalCloud, 1001);
        else this.#splice(personalCloud, first.received);
      },
      () => {
        this.#client.send(refusal(reasonCode.serverUnavailable, protocolLevel));
        this.#end(1011);
      },
    );
  }

  async #open(token: string): Promise<WebSocket | undefined> {
    const authority = await this.#config.didps.authorityOf(token);
    if (authority === undefined) return undefined;
    const { webSocket } = await openPersonalCloud(
      this.#env,
      authority.user,
      this.#subprotocol,
      authority,
      true,
    );
    if (webSocket === null) throw new Error("the personal cloud took no WebSocket");
    return webSocket;
  }

  #splice(personalCloud: WebSocket, received: readonly Uint8Array[]): void {
    this.#personalCloud = personalCloud;
    personalCloud.binaryType = "arraybuffer";
    personalCloud.addEventListener("message", ({ data }) => {
      if (typeof data === "string") this.#taken();
      else this.#client.send(data);
    });
    personalCloud.addEventListener("close", ({ code }) => this.#end(isSendable(code) ? code : 1011));
    personalCloud.accept();
    this.#state = "open";
    for (const bytes of [...received, ...this.#waiting]) this.#pass(bytes);
  }

  #end(code: number): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#timeout);
    this.#client.close(code);
    closeWith(this.#personalCloud, code);
    this.#onRoom?.();
  }
}

function closeWith(socket: WebSocket | undefined, code: number): void {
  if (socket !== undefined && socket.readyState < WebSocket.CLOSING)
    socket.close(isSendable(code) ? code : 1011);
}

/** 1005 and 1006 say that there was no code; they and a few more must not be sent (RFC 6455 §7.4.1). */
function isSendable(code: number): boolean {
  return code >= 1000 && code < 5000 && ![1004, 1005, 1006, 1015].includes(code);
}
