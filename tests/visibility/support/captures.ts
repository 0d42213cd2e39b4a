/**
 * Who is watched: the columns of IDENTITY.md §3.1, the second app and the control beside the first, the server that a
 * rule posts to, and the owners.
 */
export const everybody = [
  "manufacturer",
  "uidp",
  "login",
  "didp",
  "pseudonymiser",
  "gateway",
  "pcm",
  "streams",
  "device",
  "tpa",
  "tpa2",
  "control",
  "otherGateway",
  "webhook",
  "owner",
  "operator",
] as const;
export type Party = (typeof everybody)[number];

/** `kept`: in a store or a log. `seen`: in a request, an answer or a packet on its way through. */
export type Kind = "seen" | "kept";

/** One thing that a party got hold of, such as one direction of one connection; its bytes in order. */
interface Capture {
  readonly party: Party;
  readonly kind: Kind;
  readonly chunks: Buffer[];
  /** The chunks as one, as long as no more has come. */
  joined?: Buffer;
}

/** Everything that every party got hold of during one run. */
export class Captures {
  readonly #captures: Capture[] = [];

  /** Adds one whole thing. */
  add(party: Party, kind: Kind, bytes: string | Uint8Array): void {
    this.open(party, kind)(bytes);
  }

  /** Begins something that comes in pieces; a canary that is cut in two is still found. */
  open(party: Party, kind: Kind): (bytes: string | Uint8Array) => void {
    const capture: Capture = { party, kind, chunks: [] };
    this.#captures.push(capture);
    return (bytes) => {
      capture.chunks.push(typeof bytes === "string" ? Buffer.from(bytes) : Buffer.from(bytes));
      delete capture.joined;
    };
  }

  /** All that these parties have of these kinds, one buffer a capture. */
  of(parties: readonly Party[], kinds: readonly Kind[] = ["seen", "kept"]): Buffer[] {
    return this.#captures
      .filter(({ party, kind }) => parties.includes(party) && kinds.includes(kind))
      .map((capture) => {
        capture.joined ??= Buffer.concat(capture.chunks);
        return capture.joined;
      });
  }

  /** A copy to which more can be added without touching this one. */
  copy(): Captures {
    const copy = new Captures();
    copy.#captures.push(...this.#captures.map((capture) => ({ ...capture, chunks: [...capture.chunks] })));
    return copy;
  }
}
