import http from "node:http";
import { Aedes } from "aedes";
import { createWebSocketStream, WebSocketServer } from "ws";
import { EventLog } from "./event-log.ts";

/** A PUBLISH as it reached the broker. */
export interface SeenMessage {
  readonly topicName: string;
  readonly payload: string;
  readonly retain: boolean;
  readonly from: string;
}

/** A stranger's MQTT broker over WebSocket that knows which tokens are good; stands for the gateway in tests. */
export class TestBroker {
  readonly tokens = new Set<string>();
  readonly published = new EventLog<SeenMessage>();
  readonly connects = new EventLog<{
    readonly clientId: string;
    readonly token: string;
    readonly accepted: boolean;
  }>();
  readonly subscribed = new EventLog<{
    readonly clientId: string;
    readonly topicFilters: readonly string[];
  }>();
  /** PUBLISH packets that are swallowed together with the connection, as if the network had failed. */
  loseNext = 0;
  readonly #server: http.Server;
  readonly #aedes: Aedes;
  readonly #sockets: WebSocketServer;

  static async start(port: number): Promise<TestBroker> {
    const broker = new TestBroker(await Aedes.createBroker());
    await new Promise<void>((resolve) => broker.#server.listen(port, "127.0.0.1", resolve));
    return broker;
  }

  constructor(aedes: Aedes) {
    this.#aedes = aedes;
    this.#server = http.createServer();
    this.#sockets = new WebSocketServer({ server: this.#server, handleProtocols: () => "mqtt" });
    this.#sockets.on("connection", (socket, request) => {
      const stream = createWebSocketStream(socket);
      stream.on("error", () => undefined);
      aedes.handle(stream, request);
    });
    aedes.authenticate = (client, userName, password, done) => {
      const token = password?.toString() ?? "";
      const accepted = userName === "Bearer" && this.tokens.has(token);
      this.connects.push({ clientId: client.id, token, accepted });
      // aedes declares its codes as a const enum, which cannot be imported as a value; 4 is "bad user name or password".
      if (!accepted) done(Object.assign(new Error("refused"), { returnCode: 4 as never }), false);
      else done(null, true);
    };
    aedes.authorizePublish = (client, packet, done) => {
      if (client !== null && this.loseNext > 0) {
        this.loseNext -= 1;
        client.conn.destroy();
        return;
      }
      done(null);
      if (client === null) return;
      const { topic: topicName, payload, retain } = packet;
      this.published.push({ topicName, payload: payload.toString(), retain, from: client.id });
    };
    aedes.on("subscribe", (subscriptions, client) =>
      this.subscribed.push({ clientId: client.id, topicFilters: subscriptions.map(({ topic }) => topic) }),
    );
  }

  get uri(): string {
    const address = this.#server.address();
    if (typeof address !== "object" || address === null) throw new Error("the broker does not listen");
    return `ws://127.0.0.1:${address.port}/mqtt/route`;
  }

  /** Publishes as somebody else would. */
  async publish(topic: string, payload: string, retain = false): Promise<void> {
    await new Promise<void>((resolve, reject) =>
      this.#aedes.publish({ cmd: "publish", topic, payload, qos: 1, retain, dup: false }, (error) =>
        error ? reject(error) : resolve(),
      ),
    );
  }

  /** Cuts every connection without a word. */
  cut(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#aedes.close(() => resolve()));
    this.#sockets.close();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
