import type { Attachment } from "./connection.ts";

/** One socket's number while it lives; the shell chooses it, never 0, and never uses it twice. */
export type ConnectionId = number;

/**
 * What a turn asks of the shell, in the order it is to happen. Writes to the store are already applied when
 * the effects are returned; the runtime's output gate holds what is sent until they are durable.
 */
export type Effect =
  /** One binary WebSocket message: one or more whole packets. */
  | { readonly kind: "send"; readonly to: ConnectionId; readonly bytes: Uint8Array }
  /** Close the socket; nothing more is received from it. `code` is a WebSocket close code. */
  | { readonly kind: "close"; readonly to: ConnectionId; readonly code: number }
  /** Ask whose `token` this is, then call `Broker.authenticated` for the same connection. */
  | { readonly kind: "authenticate"; readonly on: ConnectionId; readonly token: string }
  /** Keep this beside the socket, so that it survives hibernation. */
  | { readonly kind: "attach"; readonly to: ConnectionId; readonly attachment: Attachment }
  /** Take nothing more in for a few milliseconds: this one sends more than it may, and dropping it is work too. */
  | { readonly kind: "hold"; readonly from: ConnectionId }
  /** Call `Broker.alarm` at this time or a little later; replaces a later one. */
  | { readonly kind: "alarm"; readonly atMs: number };
