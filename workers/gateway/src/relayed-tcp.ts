import type { GatewayConfig } from "./config.ts";
import { Relay } from "./relay.ts";

/** A reader so slow that this much waits for it is cut off: what waits is this Worker's memory. */
const MAXIMUM_WAITING_BYTES = 4 * 1024 * 1024;

/** Way (d): plain MQTT over TCP, where self-hosted (`mosquitto_pub -u Bearer -P TOKEN`). Ends with the connection. */
export async function serveTcp(socket: Socket, env: GatewayEnv, config: GatewayConfig): Promise<void> {
  const writer = socket.writable.getWriter();
  const reader = socket.readable.getReader();
  let waitingBytes = 0;
  let isClosed = false;
  const close = () => {
    if (isClosed) return;
    isClosed = true;
    // What was written first goes out first; a peer that is gone already is no error.
    writer.close().catch(() => {});
    reader.cancel().catch(() => {});
  };
  const relay = new Relay(env, config, "mqtt", {
    send: (bytes) => {
      if (isClosed) return;
      waitingBytes += bytes.byteLength;
      if (waitingBytes > MAXIMUM_WAITING_BYTES) {
        relay.clientClosed(1008);
        close();
        return;
      }
      writer.write(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)).then(
        () => {
          waitingBytes -= bytes.byteLength;
        },
        () => relay.clientClosed(1006),
      );
    },
    close,
  });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      relay.receive(value);
      // Not read, it stays with the client: TCP's own flow control.
      await relay.room();
    }
  } catch {
    // The connection was reset: the same as its end, without DISCONNECT.
  }
  relay.clientClosed(1006);
  close();
}
