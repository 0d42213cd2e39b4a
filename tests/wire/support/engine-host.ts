import { randomBytes } from "node:crypto";
import http from "node:http";
import net from "node:net";
import { WebSocketServer } from "ws";
import { Broker } from "../../../engines/broker/broker.ts";
import type { Effect } from "../../../engines/broker/effect.ts";
import { defaultLimits } from "../../../engines/broker/limits.ts";
import { MemoryStore } from "../../../engines/broker/memory-store.ts";
import type { Authority, GatewayUserId, Introspection } from "../../../engines/oauth/authority.ts";

/** One socket of either transport, as the broker's effects need it. */
interface Socket {
  send(bytes: Uint8Array): void;
  close(code: number): void;
}

/**
 * The broker engine behind a WebSocket and a TCP listener, in this process, with its state in memory: what the
 * wire cases are developed against. Two users; a token is a user's name. The gateway's part (whose socket is
 * whose) is played by reading the token from the first packet's end, where CONNECT has its password.
 */
export class EngineHost {
  readonly #homes = new Map<string, Home>();
  readonly #http = http.createServer();
  readonly #tcp = net.createServer({ noDelay: true });

  constructor(users: readonly string[]) {
    for (const user of users) this.#homes.set(user, new Home(user));
    const webSockets = new WebSocketServer({
      server: this.#http,
      handleProtocols: (offered) => (offered.has("mqtt") ? "mqtt" : false),
    });
    webSockets.on("connection", (socket) => {
      const session = this.#accept({
        send: (bytes) => socket.send(bytes),
        close: (code) => socket.close(code),
      });
      socket.on("message", (data: Buffer, isBinary) =>
        isBinary ? session.receive(data) : socket.close(1003),
      );
      socket.on("close", session.closed);
      // A reset is followed by a close
      socket.on("error", () => undefined);
    });
    this.#tcp.on("connection", (socket) => {
      const session = this.#accept({ send: (bytes) => socket.write(bytes), close: () => socket.end() });
      socket.on("data", session.receive);
      socket.on("close", session.closed);
      socket.on("error", () => undefined);
    });
  }

  /** @returns the addresses; ports are chosen by the system unless given. */
  async start(wsPort = 0, tcpPort = 0): Promise<{ ws: string; tcp: string }> {
    const listen = (server: net.Server, port: number) =>
      new Promise<number>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, "127.0.0.1", () => {
          const address = server.address();
          resolve(typeof address === "object" && address !== null ? address.port : port);
        });
      });
    const [ws, tcp] = [await listen(this.#http, wsPort), await listen(this.#tcp, tcpPort)];
    return { ws: `ws://127.0.0.1:${ws}/mqtt`, tcp: `127.0.0.1:${tcp}` };
  }

  /** Ends the listeners and every open connection. */
  stop(): void {
    this.#http.closeAllConnections();
    this.#http.close();
    this.#tcp.close();
    for (const home of this.#homes.values()) home.stop();
  }

  /** Holds bytes back until a user's token is among them, then replays them into that user's broker. */
  #accept(socket: Socket): { receive: (bytes: Uint8Array) => void; closed: () => void } {
    let held = Buffer.alloc(0);
    let home: Home | undefined;
    let id = 0;
    return {
      receive: (bytes) => {
        if (home !== undefined) return home.run((broker) => broker.receive(id, bytes));
        held = Buffer.concat([held, bytes]);
        home = this.#homeOf(held);
        if (home === undefined) return undefined;
        id = home.open(socket);
        const first = held;
        home.run((broker) => broker.receive(id, first));
      },
      closed: () => home?.closed(id),
    };
  }

  /** Bytes that cannot become a CONNECT with a token go to the first user's broker, which refuses them. */
  #homeOf(held: Buffer): Home | undefined {
    for (const [user, home] of this.#homes) if (held.includes(user)) return home;
    const [first] = this.#homes.values();
    const isConnectComing = held[0] === 0x10 && held.length < 2 + (held[1] ?? 0);
    return isConnectComing ? undefined : first;
  }
}

/** One user's broker, and the sockets that its effects are for. */
class Home {
  readonly #user: GatewayUserId;
  readonly #broker: Broker;
  readonly #sockets = new Map<number, Socket>();
  #lastId = 0;
  #alarm: NodeJS.Timeout | undefined;

  constructor(user: string) {
    this.#user = user as GatewayUserId; // this host is what names them
    this.#broker = new Broker({
      user: this.#user,
      store: new MemoryStore(),
      now: Date.now,
      random: (bytes) => new Uint8Array(randomBytes(bytes)),
      limits: { ...defaultLimits, messagesPerSecond: 100_000, messageBurst: 100_000 },
    });
    this.run((broker) => broker.wake());
  }

  open(socket: Socket): number {
    const id = ++this.#lastId;
    this.#sockets.set(id, socket);
    // The token of CONNECT is asked about when it has come
    this.run((broker) => broker.open(id));
    return id;
  }

  closed(id: number): void {
    this.#sockets.delete(id);
    this.run((broker) => broker.closed(id));
  }

  run(turn: (broker: Broker) => Effect[]): void {
    for (const effect of turn(this.#broker)) {
      switch (effect.kind) {
        case "send":
          this.#sockets.get(effect.to)?.send(effect.bytes);
          break;
        case "close":
          this.#sockets.get(effect.to)?.close(effect.code);
          this.#sockets.delete(effect.to);
          break;
        case "alarm":
          clearTimeout(this.#alarm);
          this.#alarm = setTimeout(
            () => this.run((broker) => broker.alarm()),
            Math.min(Math.max(0, effect.atMs - Date.now()), 2 ** 31 - 1),
          );
          break;
        case "attach":
          break; // nothing sleeps here
        case "authenticate":
          this.run((broker) => broker.authenticated(effect.on, this.#introspect(effect.token)));
          break;
      }
    }
  }

  stop(): void {
    clearTimeout(this.#alarm);
  }

  /** A token is its user's name. */
  #introspect(token: string): Introspection {
    if (token !== this.#user) return { active: false };
    const authority: Authority = {
      user: this.#user,
      kind: "owner",
      handle: "owner",
      permissions: [["#", ["pub", "sub"]]],
      expiresAtMs: Date.now() + 24 * 3_600_000,
      epoch: 1,
    };
    return { active: true, authority };
  }
}
