import { reasonCode } from "../../../engines/mqtt/reason-code.ts";
import type { GatewayConfig } from "./config.ts";
import { bearerOf, ConnectReader, refusal } from "./connect-reader.ts";
import { type MqttSubprotocol, openPersonalCloud } from "./personal-cloud.ts";

/**
 * Way (c): a client that can put its token only into CONNECT. Reads the CONNECT, finds the personal cloud, hands
 * the bytes over as they came, and passes frames on in both directions until either side closes.
 */
export function relayAfterConnect(env: GatewayEnv, config: GatewayConfig, subprotocol: MqttSubprotocol): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.binaryType = "arraybuffer";
  server.accept();
  const reader = new ConnectReader();
  let isDecided = false;
  const timeout = setTimeout(() => server.close(1002, "no CONNECT"), config.connectTimeoutSeconds * 1000);
  const pending: ArrayBuffer[] = []; // what comes while the token is looked up

  server.addEventListener("close", () => clearTimeout(timeout));
  server.addEventListener("message", function onFrame({ data }) {
    if (typeof data === "string") return server.close(1003, "binary frames only");
    if (isDecided) {
      pending.push(data);
      return;
    }
    const first = reader.push(new Uint8Array(data));
    if (first === undefined) return;
    isDecided = true;
    clearTimeout(timeout);
    if (first.kind === "failure") {
      const { protocolLevel, reasonCode: reason } = first.failure;
      if (protocolLevel !== undefined) server.send(refusal(reason, protocolLevel));
      return server.close(1002, "malformed CONNECT");
    }
    connectTo(env, config, subprotocol, bearerOf(first.connect)).then(
      (personalCloud) => {
        if (personalCloud === undefined) {
          server.send(refusal(reasonCode.notAuthorized, first.connect.protocolLevel));
          server.close(1000);
          return;
        }
        server.removeEventListener("message", onFrame);
        for (const bytes of [...first.received, ...pending]) personalCloud.send(bytes);
        splice(server, personalCloud);
      },
      () => {
        server.send(refusal(reasonCode.serverUnavailable, first.connect.protocolLevel));
        server.close(1011);
      },
    );
  });
  return new Response(null, {
    status: 101,
    webSocket: client,
    headers: { "sec-websocket-protocol": subprotocol },
  });
}

async function connectTo(
  env: GatewayEnv,
  config: GatewayConfig,
  subprotocol: MqttSubprotocol,
  token: string | undefined,
): Promise<WebSocket | undefined> {
  if (token === undefined) return undefined;
  const introspection = await env.DIDP.introspect(config.gatewayUri, token);
  if (!introspection.active) return undefined;
  const { authority } = introspection;
  const { webSocket } = await openPersonalCloud(env, authority.user, subprotocol, authority);
  if (webSocket === null) throw new Error("the personal cloud took no WebSocket");
  webSocket.binaryType = "arraybuffer";
  webSocket.accept();
  return webSocket;
}

/** Each side's frames go to the other; when one closes, so does the other, with the same code. */
function splice(a: WebSocket, b: WebSocket): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.addEventListener("message", ({ data }) => to.send(data));
    from.addEventListener("close", ({ code, reason }) => {
      if (to.readyState < WebSocket.CLOSING) to.close(isSendable(code) ? code : 1011, reason);
    });
  }
}

/** 1005 and 1006 say that there was no code; they must not be sent (RFC 6455 §7.4.1). */
function isSendable(code: number): boolean {
  return code >= 1000 && code < 5000 && code !== 1004 && code !== 1005 && code !== 1006 && code !== 1015;
}
