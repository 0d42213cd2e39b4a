/**
 * What the cases run against: the whole platform, started for the run (platform.setup.ts), unless these name
 * something else.
 *
 * | variable | meaning |
 * |---|---|
 * | `EDGENYM_WIRE_WS` | URL of the WebSocket listener, for example `ws://127.0.0.1:8787/mqtt` |
 * | `EDGENYM_WIRE_TCP` | host and port of the TCP listener, for example `127.0.0.1:1883` |
 * | `EDGENYM_WIRE_TOKEN_A` | a token of one user that may use the free tree: the password of every CONNECT |
 * | `EDGENYM_WIRE_TOKEN_B` | the same of another user, for the cases about isolation |
 * | `EDGENYM_WIRE_ENGINE` | set: start the broker engine in this process and run against it |
 * | `EDGENYM_WIRE_TOPIC_ROOT` | where topics may be made; default `wire` |
 */
export interface Target {
  readonly ws: string | undefined;
  readonly tcp: string | undefined;
  readonly tokenA: string | undefined;
  readonly tokenB: string | undefined;
  readonly topicRoot: string;
}

/** Read once, from the environment. */
export const target: Target = {
  ws: process.env.EDGENYM_WIRE_WS,
  tcp: process.env.EDGENYM_WIRE_TCP,
  tokenA: process.env.EDGENYM_WIRE_TOKEN_A,
  tokenB: process.env.EDGENYM_WIRE_TOKEN_B,
  topicRoot: process.env.EDGENYM_WIRE_TOPIC_ROOT ?? "wire",
};

/** Why nothing can run over a transport, in words for the test's name; `undefined` if it can. */
export function missing(transport: "ws" | "tcp", needsTwoUsers: boolean): string | undefined {
  const address = transport === "ws" ? target.ws : target.tcp;
  if (address === undefined) return `EDGENYM_WIRE_${transport.toUpperCase()} is not set`;
  if (target.tokenA === undefined) return "EDGENYM_WIRE_TOKEN_A is not set";
  if (needsTwoUsers && target.tokenB === undefined) return "EDGENYM_WIRE_TOKEN_B is not set";
  return undefined;
}
