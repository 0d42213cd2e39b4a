import type { GatewayConfig } from "./config.ts";
import type { MqttSubprotocol } from "./personal-cloud.ts";
import { Relay } from "./relay.ts";

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
    else relay.receive(new Uint8Array(data));
  });
  server.addEventListener("close", ({ code }) => relay.clientClosed(code));
  server.accept();
  return new Response(null, {
    status: 101,
    webSocket: client,
    headers: { "sec-websocket-protocol": subprotocol },
  });
}
