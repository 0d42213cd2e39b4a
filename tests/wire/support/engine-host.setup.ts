import { EngineHost } from "./engine-host.ts";

/** With `EDGENYM_WIRE_ENGINE` set, starts the engine and names it as the target. */
export default async function setup(): Promise<(() => void) | undefined> {
  if (process.env.EDGENYM_WIRE_ENGINE === undefined) return undefined;
  const host = new EngineHost(["user-of-token-A", "user-of-token-B"]);
  const { ws, tcp } = await host.start();
  process.env.EDGENYM_WIRE_WS = ws;
  process.env.EDGENYM_WIRE_TCP = tcp;
  process.env.EDGENYM_WIRE_TOKEN_A = "user-of-token-A";
  process.env.EDGENYM_WIRE_TOKEN_B = "user-of-token-B";
  return () => host.stop();
}
