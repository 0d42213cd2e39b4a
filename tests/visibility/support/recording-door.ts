import http from "node:http";
import net from "node:net";
import { WebSocket, WebSocketServer } from "ws";

/** What a door tells of: a piece of one exchange, by its beginning (`source`, `path`) and its direction. */
export interface Passage {
  /** Address of whoever came. */
  readonly source: string | undefined;
  /** Path of the request, without query; "" on TCP. */
  readonly path: string;
  readonly isFrame: boolean;
}

/** Takes the bytes of one passage as they come; called once for each direction of a connection. */
export type Listener = (passage: Passage) => (bytes: string | Uint8Array) => void;

/** A running door. */
export interface Door {
  close(): Promise<void>;
}

/**
 * Stands in front of an HTTP port and tells of everything that goes through: request lines, headers, bodies, answers,
 * and the unmasked messages of WebSockets in both directions. As Cloudflare's edge does, it adds the caller's
 * address in a header.
 */
export async function openHttpDoor(port: number, targetPort: number, listener: Listener): Promise<Door> {
  const server = http.createServer((request, response) => {
    const tell = listener(passageOf(request, false));
    const answer = listener(passageOf(request, false));
    tell(headOf(request));
    const forwarded = http.request(
      {
        host: "127.0.0.1",
        port: targetPort,
        method: request.method,
        path: request.url,
        headers: { ...request.headers, "cf-connecting-ip": request.socket.remoteAddress ?? "" },
        agent: false,
      },
      (upstream) => {
        answer(`${upstream.statusCode} ${upstream.rawHeaders.join("\n")}\n\n`);
        response.writeHead(upstream.statusCode ?? 502, upstream.rawHeaders);
        upstream.on("data", answer);
        upstream.pipe(response);
      },
    );
    forwarded.on("error", () => response.destroy());
    request.on("data", tell);
    request.pipe(forwarded);
  });
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => [...offered].find((name) => !name.startsWith("bearer.")) ?? false,
  });
  server.on("upgrade", (request, socket, head) => {
    listener(passageOf(request, false))(headOf(request));
    const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
    const { authorization } = request.headers;
    const upstream = new WebSocket(`ws://127.0.0.1:${targetPort}${request.url}`, offered.filter(Boolean), {
      perMessageDeflate: false,
      headers: {
        "cf-connecting-ip": request.socket.remoteAddress ?? "",
        ...(authorization === undefined ? {} : { authorization }),
      },
    });
    upstream.once("unexpected-response", (_, answer) => {
      socket.end(`HTTP/1.1 ${answer.statusCode} Refused\r\nconnection: close\r\n\r\n`);
    });
    upstream.on("error", () => socket.destroy());
    upstream.once("open", () => {
      sockets.handleUpgrade(request, socket, head, (downstream) => {
        relay(downstream, upstream, listener(passageOf(request, true)));
        relay(upstream, downstream, listener(passageOf(request, true)));
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    close: () =>
      new Promise((resolve) => {
        for (const client of sockets.clients) client.terminate();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The same in front of a TCP port. */
export async function openTcpDoor(port: number, targetPort: number, listener: Listener): Promise<Door> {
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    const upstream = net.connect(targetPort, "127.0.0.1");
    for (const [from, to] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      open.add(from);
      from.on("data", listener({ source: socket.remoteAddress, path: "", isFrame: true }));
      from.on("error", () => to.destroy());
      from.on("close", () => open.delete(from));
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function relay(from: WebSocket, to: WebSocket, tell: (bytes: Uint8Array) => void): void {
  from.on("message", (message: Buffer, isBinary) => {
    tell(message);
    to.send(message, { binary: isBinary });
  });
  from.on("error", () => to.terminate());
  from.on("close", (code, reason) => {
    // 1005 and 1006 mean that no code came, and must not be sent (RFC 6455 §7.4.1).
    if (code === 1005 || code === 1006) to.terminate();
    else to.close(code, reason);
  });
}

function passageOf(request: http.IncomingMessage, isFrame: boolean): Passage {
  return {
    source: request.socket.remoteAddress,
    path: new URL(request.url ?? "/", "http://door").pathname,
    isFrame,
  };
}

function headOf(request: http.IncomingMessage): string {
  return `${request.method} ${request.url}\n${request.rawHeaders.join("\n")}\n\n`;
}
