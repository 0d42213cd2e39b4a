import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";

/** A Durable Object that sends every frame back and does nothing else: what the runtime itself costs. */
const script = `
import { DurableObject } from "cloudflare:workers";
export class Echo extends DurableObject {
  fetch() {
    const [client, server] = Object.values(new WebSocketPair());
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }
  webSocketMessage(socket, frame) { socket.send(frame); }
}
export default { fetch: (request, env) => env.ECHO.get(env.ECHO.idFromName("echo")).fetch(request) };
`;

/** @returns its WebSocket address, and how to stop it. */
export async function startEchoObject(stateDir: string): Promise<{ url: string; stop(): Promise<void> }> {
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
  return { url: url.href.replace("http", "ws"), stop: () => miniflare.dispose() };
}
