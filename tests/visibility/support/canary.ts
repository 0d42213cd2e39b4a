import type { Captures, Kind, Party } from "./captures.ts";

/** How a party has a canary: it lies in a store or a log of theirs, it only passed through, or neither. */
export type Sighting = "kept" | "seen" | "–";

/**
 * The byte strings in which a canary can hide: as it is, percent-encoded, in hex, and in both alphabets of base64 at
 * each of the three places in a group of three bytes; for a canary that is itself base64url also what it stands for.
 * @throws Error for a canary so short that chance could make it.
 */
export function formsOf(canary: string): readonly Buffer[] {
  if (canary.length < 8) throw new Error("a canary of fewer than 8 characters cannot be told from chance");
  const plain = Buffer.from(canary);
  const stands = /^[\w-]{16,}$/.test(canary) ? Buffer.from(canary, "base64url") : undefined;
  const texts = [plain, ...(stands?.toString("base64url") === canary ? [stands] : [])].flatMap((bytes) => [
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    ...[0, 1, 2].flatMap((shift) => ["base64", "base64url"].map((form) => certainPart(bytes, shift, form))),
  ]);
  const forms = [canary, encodeURIComponent(canary), canary.replaceAll(" ", "+"), ...texts];
  return [...[...new Set(forms)].map((form) => Buffer.from(form)), ...(stands === undefined ? [] : [stands])];
}

/** The letters of base64 that hold bits of `bytes` alone when `shift` other bytes come before. */
function certainPart(bytes: Buffer, shift: number, form: string): string {
  const encoded = Buffer.concat([Buffer.alloc(shift), bytes]).toString(form as "base64" | "base64url"); // the caller's two
  return encoded.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
}

/** Whether any of the canary's forms stands in what the parties have. */
export function has(
  captures: Captures,
  parties: readonly Party[],
  canary: string,
  kinds?: readonly Kind[],
): boolean {
  const forms = formsOf(canary);
  return captures.of(parties, kinds).some((bytes) => forms.some((form) => bytes.includes(form)));
}

/** How one party has any of the canaries. */
export function sightingOf(captures: Captures, party: Party, canaries: readonly string[]): Sighting {
  if (canaries.some((canary) => has(captures, [party], canary, ["kept"]))) return "kept";
  return canaries.some((canary) => has(captures, [party], canary, ["seen"])) ? "seen" : "–";
}
