import { connectToken } from "../../../engines/broker/connect-token.ts";
import { reasonCode } from "../../../engines/mqtt/reason-code.ts";
import { authorityOf } from "./authority-of.ts";
import type { GatewayConfig } from "./config.ts";
import { ConnectReader, type FirstPacket, refusal } from "./connect-reader.ts";
import { type MqttSubprotocol, openPersonalCloud } from "./personal-cloud.ts";

/** The client's side of a relayed connection: a WebSocket (way c) or a TCP socket (way d). */
export interface RelayedClient {
  send(bytes: ArrayBuffer | Uint8Array<ArrayBuffer>): void;
  /** @param code a WebSocket close code; a carrier that has none just closes. */
  close(code: number): void;
}

/**
 * A connection whose token comes inside CONNECT. Reads the CONNECT, finds the personal cloud, hands the bytes over
 * as they came, and passes everything on in both directions until either side closes.
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
        this.#personalCloud?.send(bytes);
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

  /** The client has gone; the personal cloud hears it with the same code. */
  clientClosed(code: number): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#timeout);
    closeWith(this.#personalCloud, code);
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
    const authority = await authorityOf(this.#env, this.#config, token);
    if (authority === undefined) return undefined;
    const { webSocket } = await openPersonalCloud(this.#env, authority.user, this.#subprotocol, authority);
    if (webSocket === null) throw new Error("the personal cloud took no WebSocket");
    return webSocket;
  }

  #splice(personalCloud: WebSocket, received: readonly Uint8Array[]): void {
    this.#personalCloud = personalCloud;
    personalCloud.binaryType = "arraybuffer";
    personalCloud.addEventListener("message", ({ data }) => {
      if (typeof data !== "string") this.#client.send(data);
    });
    personalCloud.addEventListener("close", ({ code }) => this.#end(isSendable(code) ? code : 1011));
    personalCloud.accept();
    for (const bytes of [...received, ...this.#waiting]) personalCloud.send(bytes);
    this.#state = "open";
  }

  #end(code: number): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#timeout);
    this.#client.close(code);
    closeWith(this.#personalCloud, code);
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
