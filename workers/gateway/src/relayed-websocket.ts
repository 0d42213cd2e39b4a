import type { GatewayConfig } from "./config.ts";
import type { MqttSubprotocol } from "./personal-cloud.ts";
import { Relay } from "./relay.ts";

/** A client so fast that this much waits for its personal cloud is cut off: nothing can stop it from sending. */
const MAXIMUM_UNTAKEN_BYTES = 4 * 1024 * 1024;

/** Way (c): a WebSocket without a token in its upgrade, for any MQTT client. */
export function acceptRelayedWebSocket(
  env: GatewayEnv,
  config: GatewayConfig,
  subprotocol: MqttSubprotocol,
): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.binaryType = "arraybuffer";
  const relay = new Relay(env, config, subprotocol, {
    send: (bytes) => server.send(bytes),
    close: (code) => server.close(code),
  });
  server.addEventListener("message", ({ data }) => {
    // [MQTT-6.0.0-1] binary frames only
    if (typeof data === "string") server.close(1003, "binary frames only");
    else {
      relay.receive(new Uint8Array(data));
      if (relay.untakenBytes > MAXIMUM_UNTAKEN_BYTES) {
        relay.clientClosed(1008);
        server.close(1008, "too fast");
      }
    }
  });
  server.addEventListener("close", ({ code }) => relay.clientClosed(code));
  server.accept();
  return new Response(null, {
    status: 101,
    webSocket: client,
    headers: { "sec-websocket-protocol": subprotocol },
  });
}
