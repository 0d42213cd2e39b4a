import net from "node:net";

/** Where the parts of one local platform listen; all on 127.0.0.1. */
export interface Addresses {
  readonly gateway: string;
  readonly didp: string;
  readonly uidp: string;
  readonly sampleApp: string;
}

/** The port of each part, counted from the first one. */
export const portOffsets = { gateway: 0, didp: 1, uidp: 2, sampleApp: 3 } as const satisfies Record<
  keyof Addresses,
  number
>;

/** @param firstPort 1..65532 */
export function addressesFrom(firstPort: number): Addresses {
  const at = (part: keyof Addresses) => `http://127.0.0.1:${firstPort + portOffsets[part]}`;
  return { gateway: at("gateway"), didp: at("didp"), uidp: at("uidp"), sampleApp: at("sampleApp") };
}

/** @returns the parts whose port somebody else listens on. */
export async function takenParts(addresses: Addresses): Promise<readonly (keyof Addresses)[]> {
  const parts = Object.keys(portOffsets) as (keyof Addresses)[]; // `satisfies` above makes these the keys
  const taken = await Promise.all(
    parts.map(async (part) => !(await isFree(Number(new URL(addresses[part]).port)))),
  );
  return parts.filter((_, index) => taken[index]);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
