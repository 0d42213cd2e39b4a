import { encode } from "uqr";

/** Light modules on every side, without which scanners lose the code (ISO/IEC 18004 §6.3.8). */
const QUIET_ZONE = 4;

/** A QR code as one SVG path; the modules are 1 × 1. */
export interface QrCode {
  /** Modules on each side, with the quiet zone: the `viewBox` is `0 0 size size`. */
  readonly size: number;
  readonly path: string;
}

/** The QR code of `text` at level M, which survives a scratch of 15 %. */
export function qrCode(text: string): QrCode {
  const { data } = encode(text, { ecc: "M", border: 0 });
  const runs = data.flatMap((row, y) => {
    // Dark modules next to each other are one rectangle: half the bytes, and no hairlines between them in print.
    const words = row.map((isDark) => (isDark ? "1" : "0")).join("");
    return [...words.matchAll(/1+/g)].map(
      ({ 0: run, index }) => `M${index + QUIET_ZONE} ${y + QUIET_ZONE}h${run.length}v1h-${run.length}z`,
    );
  });
  return { size: data.length + 2 * QUIET_ZONE, path: runs.join("") };
}
