/**
 * Has the runtimes that this process starts from now on collect their youngest garbage often and in small pieces: a
 * collection stops every Worker and object of an isolate, and with V8's own 16 MiB it stops them for ten milliseconds
 * (docs/decisions/005). Flags that are set already stay.
 */
export function collectInSmallPieces(): void {
  process.env.MINIFLARE_WORKERD_V8_FLAGS ??= "--max-semi-space-size=2";
}
