const slabBytes = 16_384;
/** Above this a buffer of its own costs little beside the copying. */
const largestShared = 1_024;
/** V8 keeps typed arrays of up to 64 bytes in its own heap: nothing is faster. */
const smallestShared = 65;

let slab = new Uint8Array(slabBytes);
let used = 0;

/**
 * Zeroed bytes for a packet that is about to leave. A small one is a piece of a shared buffer, for the allocation
 * of an ArrayBuffer costs several times what writing a packet does (bench/mqtt-codec). Each piece is handed out
 * once. Whoever keeps a packet for long copies it, or it keeps its neighbours alive.
 */
export function allocate(length: number): Uint8Array<ArrayBuffer> {
  if (length < smallestShared || length > largestShared) return new Uint8Array(length);
  if (used + length > slabBytes) {
    slab = new Uint8Array(slabBytes);
    used = 0;
  }
  const piece = slab.subarray(used, used + length);
  used += length;
  return piece;
}
