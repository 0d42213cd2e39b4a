import { type BatchOrder, deriveBatch } from "../../../durable-objects/registry/device-batches.ts";
import type { DeviceCredentials } from "../../../engines/oauth/device-registration.ts";
import type { DidpContext } from "./didp-app.ts";
import { deviceAnswer } from "./registration-answers.ts";

/** Encrypts one line for the provisioning station. */
export type Seal = (line: string) => Promise<string>;

export const ndjson = { "content-type": "application/x-ndjson", "cache-control": "no-store" };

/** Devices derived between two pieces of an answer. */
const CHUNK = 250;

/** Every device of an order, one a line. Nothing of it was kept: each is derived again as it is written. */
export function streamBatch(c: DidpContext, order: BatchOrder): Response {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  c.executionCtx.waitUntil(writeResults(c, order, writable));
  return c.body(readable, 200, ndjson);
}

/** One device of a batch as a line of NDJSON. */
export async function batchLine(
  c: DidpContext,
  order: BatchOrder,
  device: DeviceCredentials,
  seal: Seal | undefined,
): Promise<string> {
  const line = JSON.stringify(deviceAnswer(c.var.config, device, order.metadata));
  return `${seal === undefined ? line : await seal(line)}\n`;
}

async function writeResults(
  c: DidpContext,
  order: BatchOrder,
  out: WritableStream<Uint8Array>,
): Promise<void> {
  const writer = out.getWriter();
  try {
    for (let from = 0; from < order.count; from += CHUNK) {
      const count = Math.min(CHUNK, order.count - from);
      const devices = await deriveBatch(c.var.config.keys, order, from, count);
      const lines = await Promise.all(devices.map((device) => batchLine(c, order, device, undefined)));
      await writer.write(new TextEncoder().encode(lines.join("")));
    }
    await writer.close();
  } catch {
    // The factory hung up; it may ask again.
    await writer.abort().catch(() => undefined);
  }
}
