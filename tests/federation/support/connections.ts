import type { Carrier } from "../../support/mqtt-peer.ts";
import { accepted, Link } from "../../visibility/support/link.ts";
import type { Operator } from "./operator.ts";

/** The ways in that take any token, each with what it does about the token (ARCHITECTURE.md §3). */
export const waysIn: readonly (readonly [
  name: string,
  way: (at: Operator, token: string) => readonly [Carrier, string | undefined],
])[] = [
  [
    "Authorization",
    (at, token) => [{ url: at.mqtt, headers: { authorization: `Bearer ${token}` } }, undefined],
  ],
  ["subprotocol", (at, token) => [{ url: at.mqtt, subprotocols: ["mqtt", `bearer.${token}`] }, undefined]],
  ["CONNECT over WebSocket", (at, token) => [{ url: at.mqtt }, token]],
  ["CONNECT over TCP", (at, token) => [{ tcpPort: at.tcpPort }, token]],
];

/** Connects by CONNECT over WebSocket. @throws Error if the gateway refuses. */
export async function connect(at: Operator, token: string): Promise<Link> {
  return accepted(await Link.open({ url: at.mqtt }, token, {}, 5));
}

/** The reason code (MQTT 5) with which the gateway refuses a token. @throws Error if it takes it. */
export async function refusalOf(at: Operator, token: string, url = at.mqtt): Promise<number> {
  const answer = await Link.open({ url }, token, {}, 5);
  if (typeof answer === "number") return answer;
  answer.cut();
  throw new Error("the token was taken");
}
