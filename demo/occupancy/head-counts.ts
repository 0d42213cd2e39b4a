import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

/** The true number of people at each time of a trace, counted by hand when it was taken: seconds → people. */
export async function headCounts(file: string): Promise<ReadonlyMap<number, number>> {
  const counts = new Map<number, number>();
  let columns: readonly string[] | undefined;
  for await (const line of createInterface({ input: createReadStream(file, "utf8") })) {
    const cells = line.split(",").map((cell) => cell.trim());
    if (columns === undefined) {
      columns = cells;
      continue;
    }
    const cell = (name: string) => cells[columns?.indexOf(name) ?? -1] ?? "";
    const at = Date.parse(`${cell("Date").replaceAll("/", "-")}T${cell("Time")}Z`);
    if (Number.isFinite(at)) counts.set(at / 1000, Number(cell("Room_Occupancy_Count")));
  }
  return counts;
}
