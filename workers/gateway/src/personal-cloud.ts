import type { Authority, GatewayUserId } from "../../../engines/oauth/authority.ts";

/** The one object that is this user's personal cloud; brought to life by the first call. */
export function personalCloudOf(env: GatewayEnv, user: GatewayUserId) {
  return env.PCM.get(env.PCM.idFromName(user));
}

/**
 * Opens a WebSocket to a user's personal cloud.
 * @param authority what the token gave, or `undefined` where the object is to check the password of CONNECT.
 * @param isRelayed whether this Worker writes into the socket itself, and wants its `takenMark`s back.
 * @returns the object's own answer, 101 with the socket; returned as it is, it makes the runtime pump frames
 *   between client and object without this Worker.
 */
export function openPersonalCloud(
  env: GatewayEnv,
  user: GatewayUserId,
  subprotocol: MqttSubprotocol,
  authority: Authority | undefined,
  isRelayed = false,
): Promise<Response> {
  // A fresh request: nothing that the client sent goes along (no address, no agent, no token).
  const headers: Record<string, string> = { upgrade: "websocket", "sec-websocket-protocol": subprotocol };
  if (authority !== undefined) headers["x-edgenym-authority"] = JSON.stringify(authority);
  if (isRelayed) headers["x-edgenym-relayed"] = "1";
  return personalCloudOf(env, user).fetch(new Request("https://pcm/mqtt", { headers }));
}

/** `mqtt` (MQTT 3.1.1 and 5.0), `mqttv3.1` (MQTT 3.1). */
export type MqttSubprotocol = "mqtt" | "mqttv3.1";
