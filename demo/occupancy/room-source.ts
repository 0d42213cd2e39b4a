import { existsSync } from "node:fs";
import path from "node:path";
import { Trace } from "../../cli/sim/trace.ts";
import { MadeUpRoom } from "./made-up-room.ts";
import type { RoomSource } from "./room.ts";

/** Where the real trace of seven wireless nodes lies, beside the repository. */
export const sharedTrace = path.resolve(
  import.meta.dirname,
  "../../../shared/datasets/room-occupancy/room_occupancy.csv",
);

/**
 * The trace that was named, or the real one where it is there, or a made-up room.
 * @throws TraceError when the file that was named is not a trace.
 */
export async function roomSource(named: string | undefined, rowsPerSecond: number): Promise<RoomSource> {
  const file = named ?? (existsSync(sharedTrace) ? sharedTrace : undefined);
  if (file === undefined) return { id: "made-up room", rows: new MadeUpRoom("demo"), rowsPerSecond };
  const trace = new Trace(path.resolve(file));
  await trace.nodes();
  return { id: trace.path, rows: trace, rowsPerSecond };
}
