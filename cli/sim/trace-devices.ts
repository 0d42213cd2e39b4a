import type { WantedDevice } from "../register-devices.ts";
import type { Workspace } from "../workspace.ts";
import type { Trace } from "./trace.ts";

/** The nodes of a trace as devices: which there are already, and which must be made. */
export async function missingTraceDevices(
  workspace: Workspace,
  trace: Trace,
): Promise<readonly WantedDevice[]> {
  const known = new Set((await workspace.devices()).map(({ name }) => name));
  return [...(await trace.nodes())]
    .map(([name, product]) => ({ name, product }))
    .filter(({ name }) => !known.has(name));
}
