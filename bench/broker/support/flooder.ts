import os from "node:os";
import { encode } from "../../../engines/mqtt/encoder.ts";
import type { TopicName } from "../../../engines/mqtt/packet.ts";
import { binaryFrame } from "./frame-socket.ts";
import { type Endpoint, LoadClient } from "./load-client.ts";

/**
 * A process that floods: every client sends as fast as its socket takes it, and comes back when it is thrown out.
 * Its priority is lower than that of the quiet user's driver, for it is the server's fairness that is asked for.
 */
export interface Flood {
  readonly clients: readonly { readonly endpoint: Endpoint; readonly topicName: string }[];
}

/** What it tells at the end. */
export interface Flooded {
  readonly written: number;
  readonly connections: number;
}

os.setPriority(10);
let written = 0;
let connections = 0;
let isRunning = true;

process.once("message", (flood: Flood) => {
  for (const [index, client] of flood.clients.entries()) void keepFlooding(client, index);
  process.send?.("started");
  process.once("message", () => {
    isRunning = false;
    process.send?.({ written, connections } satisfies Flooded, () => process.exit(0));
  });
});
process.on("disconnect", () => process.exit(0));

async function keepFlooding({ endpoint, topicName }: Flood["clients"][number], index: number): Promise<void> {
  const packet = encode(
    {
      type: "publish",
      topicName: topicName as TopicName, // from the bench
      payload: new Uint8Array(64),
      qos: 0,
      retain: false,
      dup: false,
    },
    4,
  );
  // Several frames a write, or the driver would be slower than the server.
  const frames = Buffer.concat(Array.from({ length: 16 }, () => binaryFrame(packet)));
  while (isRunning) {
    try {
      const client = await LoadClient.connect(endpoint, { mqttClientId: `flood-${index}` });
      connections += 1;
      await client.subscribe(topicName, 0);
      await new Promise<void>((resolve) => {
        client.socket.onEnd = resolve;
        const pour = () => {
          if (!isRunning) return;
          written += 16;
          if (client.publish(frames)) setImmediate(pour);
          else client.socket.onceDrained(pour);
        };
        pour();
      });
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50)); // refused: tries again, as a flood does
    }
  }
}
