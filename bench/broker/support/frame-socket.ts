import { createHash, randomBytes } from "node:crypto";
import net from "node:net";

const opcode = { continuation: 0, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** What a client must send for each frame: the masking key is all zeros, so that the payload goes as it is. */
export function binaryFrame(payload: Uint8Array): Buffer {
  return frame(opcode.binary, payload);
}

function frame(kind: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const bytes = Buffer.alloc(2 + extended + 4 + length);
  bytes[0] = 0x80 | kind;
  bytes[1] = 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) bytes.writeUInt16BE(length, 2);
  if (extended === 8) bytes.writeBigUInt64BE(BigInt(length), 2);
  bytes.set(payload, 6 + extended);
  return bytes;
}

/**
 * A WebSocket client that costs a write and a read of the socket and little else, because on a small machine the
 * load driver would otherwise be what is measured (README.md, "The driver").
 */
export class FrameSocket {
  readonly #socket: net.Socket;
  #rest: Buffer = Buffer.alloc(0);
  onPayload: (payload: Buffer) => void = () => {};
  onEnd: () => void = () => {};

  private constructor(socket: net.Socket, rest: Buffer) {
    this.#socket = socket;
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("close", () => this.onEnd());
    socket.on("error", () => {}); // "close" follows
    // Behind the 101 there may be frames already; whoever opened the socket first sets onPayload.
    if (rest.length > 0) queueMicrotask(() => this.#take(rest));
  }

  /** @throws Error when the upgrade is refused, with its status line. */
  static open(url: string, headers: Readonly<Record<string, string>> = {}): Promise<FrameSocket> {
    const { hostname, port, pathname } = new URL(url);
    const key = randomBytes(16).toString("base64");
    const lines = [
      `GET ${pathname} HTTP/1.1`,
      `Host: ${hostname}:${port}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Key: ${key}`,
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Protocol: mqtt",
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ];
    return new Promise((resolve, reject) => {
      const socket = net.connect(Number(port), hostname);
      socket.setNoDelay(true);
      let head = Buffer.alloc(0);
      const fail = (why: string) => {
        socket.destroy();
        reject(new Error(why));
      };
      const onData = (chunk: Buffer) => {
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf("\r\n\r\n");
        if (end < 0) return;
        const text = head.toString("latin1", 0, end);
        if (!text.startsWith("HTTP/1.1 101")) return fail(text.split("\r\n")[0] ?? "no answer");
        const accept = createHash("sha1")
          .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
          .digest("base64");
        if (!text.includes(accept)) return fail("the answer to the upgrade is not for this key");
        socket.removeAllListeners();
        resolve(new FrameSocket(socket, head.subarray(end + 4)));
      };
      socket.on("data", onData);
      socket.once("error", (error) => fail(error.message));
      socket.once("close", () => fail("closed during the upgrade"));
      socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    });
  }

  /** @param bytes what `binaryFrame` made, one or several. @returns whether the kernel took it at once. */
  write(bytes: Uint8Array): boolean {
    return this.#socket.write(bytes);
  }

  /** Calls `then` once everything written has left this process. */
  onceDrained(then: () => void): void {
    this.#socket.once("drain", then);
  }

  /** Stops reading, as a client that hangs does. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let offset = 0;
    for (;;) {
      if (bytes.length - offset < 2) break;
      const kind = (bytes[offset] ?? 0) & 0x0f;
      let length = (bytes[offset + 1] ?? 0) & 0x7f;
      let start = offset + 2;
      if (length === 126) {
        if (bytes.length - offset < 4) break;
        length = bytes.readUInt16BE(start);
        start += 2;
      } else if (length === 127) {
        if (bytes.length - offset < 10) break;
        length = Number(bytes.readBigUInt64BE(start));
        start += 8;
      }
      if (bytes.length - start < length) break;
      offset = start + length;
      const payload = bytes.subarray(start, offset);
      if (kind === opcode.binary || kind === opcode.continuation) this.onPayload(payload);
      else if (kind === opcode.ping) this.#socket.write(frame(opcode.pong, payload));
      else if (kind === opcode.close) this.#socket.end(frame(opcode.close, payload));
    }
    this.#rest = offset === bytes.length ? Buffer.alloc(0) : bytes.subarray(offset);
  }
}
