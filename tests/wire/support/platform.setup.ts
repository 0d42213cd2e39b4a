import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { logInAsOwner } from "../../../cli/owner-login.ts";
import { Person } from "../../../cli/sim/person.ts";
import { Server } from "../../e2e/support/server.ts";

/**
 * Where nothing else is named, the cases run against the whole platform, as two owners with tokens of their own: the
 * gateway's plain WebSocket and its TCP listener, the DIdP's answers, the personal clouds inside workerd.
 */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  const { EDGENYM_WIRE_ENGINE: engine, EDGENYM_WIRE_WS: ws, EDGENYM_WIRE_TCP: tcp } = process.env;
  if (engine !== undefined || ws !== undefined || tcp !== undefined) return undefined;
  const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-wire-"));
  const limits = JSON.stringify({ messagesPerSecond: 1e6, messageBurst: 1e7 });
  const server = new Server({
    firstPort: 18150,
    stateDir,
    arguments: ["--no-demo", "--set", `LIMITS=${limits}`],
  });
  await server.start();
  const { gateway, mqtt, didp } = server.addresses;
  process.env.EDGENYM_WIRE_WS = `${gateway.replace("http", "ws")}/mqtt`;
  process.env.EDGENYM_WIRE_TCP = new URL(mqtt).host;
  process.env.EDGENYM_WIRE_TOKEN_A = await ownerToken(didp, "alice");
  process.env.EDGENYM_WIRE_TOKEN_B = await ownerToken(didp, "bob");
  return async () => {
    await server.stop();
    rmSync(stateDir, { recursive: true, force: true });
  };
}

async function ownerToken(didp: string, login: string): Promise<string> {
  const redirectUri = "http://127.0.0.1/callback";
  const tokens = await logInAsOwner(didp, redirectUri, (url) =>
    new Person({ login }).consent(url, redirectUri),
  );
  return tokens.accessToken;
}
