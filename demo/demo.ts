import type { Platform } from "../scripts/platform/platform.ts";

export async function prepareDemo(
  _platform: Platform,
): Promise<{ description: string; stop(): Promise<void> }> {
  return { description: "", stop: async () => {} };
}
