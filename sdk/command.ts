import type { SampleValue } from "./senml.ts";

/** What an app publishes on `command/{name}`. */
export interface Command {
  /** Ties the reply to it; the device does a command with the same id once. */
  readonly id: string;
  readonly value: SampleValue | null;
}

/** What the device answers on `command/{name}/reply`. */
export type CommandReply =
  | { readonly id: string; readonly status: "done"; readonly value: SampleValue | null }
  | { readonly id: string; readonly status: "failed"; readonly error: string };

/** @returns `undefined` for anything that is not a command; a missing value reads as `null`. */
export function parseCommand(payload: string): Command | undefined {
  const json = parseObject(payload);
  if (json === undefined || typeof json.id !== "string" || json.id.length > 128) return undefined;
  const value = json.value ?? null;
  return isCommandValue(value) ? { id: json.id, value } : undefined;
}

/** @returns `undefined` for anything that is not a reply. */
export function parseReply(payload: string): CommandReply | undefined {
  const json = parseObject(payload);
  if (json === undefined || typeof json.id !== "string") return undefined;
  const { id } = json;
  if (json.status === "failed") {
    return { id, status: "failed", error: typeof json.error === "string" ? json.error : "failed" };
  }
  const value = json.value ?? null;
  return json.status === "done" && isCommandValue(value) ? { id, status: "done", value } : undefined;
}

function parseObject(payload: string): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(payload);
    // An object that is neither null nor an array has string keys and nothing known about its values.
    return typeof json === "object" && json !== null && !Array.isArray(json)
      ? (json as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function isCommandValue(value: unknown): value is SampleValue | null {
  return value === null || ["number", "boolean", "string"].includes(typeof value);
}
