import net from "node:net";
import { WebSocket } from "ws";

/** What carries the bytes of one connection. */
export interface Carrier {
  /** Hands over the bytes of one packet (or of something that is none). */
  send(bytes: Uint8Array): void;
  /** Ends the connection without a word of MQTT. */
  cut(): void;
}

/** What a carrier reports. */
export interface CarrierEvents {
  readonly onBytes: (bytes: Uint8Array) => void;
  readonly onEnd: () => void;
}

/** One way to cut packets into what the network sees. */
export interface CarrierKind {
  readonly name: string;
  readonly transport: "ws" | "tcp";
  open(address: string, events: CarrierEvents): Promise<Carrier>;
}

/**
 * All of them. Every case runs over each.
 *
 * [MQTT-4.2-1] [MQTT-3.1.1:7.1.1-1] TCP and WebSocket; [MQTT-6.0.0-2] [MQTT-3.1.1:6.0.0-2] frames cut anyhow.
 */
export const carrierKinds: readonly CarrierKind[] = [
  {
    name: "WebSocket, a frame a packet",
    transport: "ws",
    open: (url, events) => openWebSocket(url, events, (socket, bytes) => socket.send(bytes)),
  },
  {
    name: "WebSocket, a frame a byte",
    transport: "ws",
    open: (url, events) =>
      openWebSocket(url, events, (socket, bytes) => {
        for (const piece of cut(bytes)) socket.send(piece);
      }),
  },
  { name: "WebSocket, several packets a frame", transport: "ws", open: openJoining },
  { name: "TCP", transport: "tcp", open: openTcp },
];

/** Single bytes; of something long, the middle in larger pieces, for it has no structure that a cut could hit. */
function* cut(bytes: Uint8Array): Iterable<Uint8Array> {
  const singly = 1000;
  for (let at = 0; at < bytes.length; ) {
    const isEdge = at < singly || bytes.length - at <= singly;
    const next = isEdge ? at + 1 : Math.min(at + 500, bytes.length - singly);
    yield bytes.subarray(at, next);
    at = next;
  }
}

async function openWebSocket(
  url: string,
  events: CarrierEvents,
  send: (socket: WebSocket, bytes: Uint8Array) => void,
): Promise<Carrier> {
  const socket = new WebSocket(url, ["mqtt"], { perMessageDeflate: false });
  // A refused upgrade and a reset arrive here first and as a close afterwards
  const failed = new Promise<never>((_, reject) => socket.once("error", reject));
  failed.catch(() => undefined);
  socket.on("message", (data: Buffer, isBinary) => {
    // [MQTT-6.0.0-1] binary frames; a text frame would not be MQTT
    if (isBinary) events.onBytes(data);
    else socket.terminate();
  });
  socket.on("close", events.onEnd);
  await Promise.race([new Promise<void>((resolve) => socket.once("open", resolve)), failed]);
  // [MQTT-6.0.0-4] the server answers with the subprotocol "mqtt"
  if (socket.protocol !== "mqtt") throw new Error(`subprotocol "${socket.protocol}" instead of "mqtt"`);
  return {
    send: (bytes) => {
      // A case may write behind the server's close; so may a real client
      if (socket.readyState === WebSocket.OPEN) send(socket, bytes);
    },
    cut: () => socket.terminate(),
  };
}

/** Collects what a case sends without waiting in between. */
async function openJoining(url: string, events: CarrierEvents): Promise<Carrier> {
  const socket = await openWebSocket(url, events, (inner, bytes) => inner.send(bytes));
  let held: Uint8Array[] = [];
  const flush = (): void => {
    socket.send(Buffer.concat(held));
    held = [];
  };
  return {
    send: (bytes) => {
      if (held.length === 0) queueMicrotask(flush);
      held.push(bytes);
    },
    cut: socket.cut,
  };
}

async function openTcp(address: string, events: CarrierEvents): Promise<Carrier> {
  const { hostname, port } = new URL(address.includes("://") ? address : `mqtt://${address}`);
  const socket = net.connect({ host: hostname, port: Number(port), noDelay: true });
  socket.on("data", events.onBytes);
  socket.on("close", events.onEnd);
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  // A reset after that is an end like any other
  socket.on("error", () => undefined);
  return {
    send: (bytes) => {
      if (socket.writable) socket.write(bytes);
    },
    cut: () => socket.destroy(),
  };
}
