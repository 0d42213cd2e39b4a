import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

/** A running Mosquitto of the bench's own; a system-wide one is left alone. */
export interface Mosquitto {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/**
 * Debian's Mosquitto with a WebSocket listener on 127.0.0.1, no quotas, and its persistence as it is by default
 * (in memory, saved now and then).
 * @throws Error when it is not installed, or another one is there: that one would be measured.
 */
export async function startMosquitto(port: number): Promise<Mosquitto> {
  if (await isOpen(port)) throw new Error(`port ${port} (mosquitto) is taken`);
  const folder = mkdtempSync(path.join(tmpdir(), "edgenym-mosquitto-"));
  chmodSync(folder, 0o777); // it may drop its privileges
  const config = path.join(folder, "mosquitto.conf");
  const lines = [
    `listener ${port} 127.0.0.1`,
    "protocol websockets",
    // 2.0.11 does not start with WebSocket listeners alone.
    `listener ${port + 1} 127.0.0.1`,
    "allow_anonymous true",
    "max_inflight_messages 0",
    "max_queued_messages 0",
    "persistence true",
    `persistence_location ${folder}/`,
    "log_type error",
    "set_tcp_nodelay true",
  ];
  writeFileSync(config, `${lines.join("\n")}\n`);
  const child = spawn("mosquitto", ["-c", config], { stdio: "ignore" });
  const failed = new Promise<never>((_, reject) => {
    child.once("error", () => reject(new Error("mosquitto is not installed (apt-get install mosquitto)")));
    child.once("exit", (code) => reject(new Error(`mosquitto ended with ${code}`)));
  });
  failed.catch(() => {}); // it ends one day
  await Promise.race([listening(port), failed]);
  return {
    url: `ws://127.0.0.1:${port}/mqtt`,
    pid: child.pid ?? 0,
    stop: async () => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (await isOpen(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("mosquitto does not listen");
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.connect(port, "127.0.0.1");
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
}
