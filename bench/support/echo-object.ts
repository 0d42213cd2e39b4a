import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";

/**
 * A Durable Object that passes every frame on to the other sockets of its room, or back if there is none, and does
 * nothing else: what the runtime itself costs. The path of the URL names the room; each room is an object.
 */
const script = `
import { DurableObject } from "cloudflare:workers";
export class Echo extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    this.sockets = ctx.getWebSockets();
  }
  fetch() {
    const [client, server] = Object.values(new WebSocketPair());
    this.ctx.acceptWebSocket(server);
    this.sockets.push(server);
    return new Response(null, { status: 101, webSocket: client, headers: { "Sec-WebSocket-Protocol": "mqtt" } });
  }
  webSocketMessage(socket, frame) {
    const { sockets } = this;
    if (sockets.length === 1) socket.send(frame);
    else for (const other of sockets) if (other !== socket) other.send(frame);
  }
  webSocketClose(socket) { this.sockets = this.sockets.filter((other) => other !== socket); }
  webSocketError(socket) { this.webSocketClose(socket); }
}
export default {
  fetch: (request, env) => env.ECHO.get(env.ECHO.idFromName(new URL(request.url).pathname)).fetch(request),
};
`;

export interface EchoObject {
  /** `ws://…`; the path names the room. */
  readonly url: string;
  /** Puts the object of a room (`/room-1`) to sleep; its sockets stay open. */
  hibernate(room: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startEchoObject(stateDir: string): Promise<EchoObject> {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      name: "echo",
      modules: true,
      script,
      compatibilityDate: "2026-11-01",
      durableObjects: { ECHO: { className: "Echo", useSQLite: true } },
      host: "127.0.0.1",
      port: 0,
      cf: false,
      telemetry: { enabled: false },
      log: new Log(LogLevel.ERROR),
      resourcePersistencePath: stateDir,
      unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    }),
  );
  await miniflare.ready;
  const url = await miniflare.unsafeGetDirectURL("echo");
  return {
    url: url.href.replace("http", "ws"),
    hibernate: (name) =>
      miniflare.unsafeEvictDurableObject("echo", "Echo", { name, webSockets: "hibernate" }),
    stop: () => miniflare.dispose(),
  };
}
