import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";

/** Where a party keeps what it keeps, below the state folder. */
export type Party = "pcm" | "streams" | "registry" | "d1" | "log" | "cache";

/**
 * Every byte that the platform has on disk, party by party: databases with their write-ahead logs and freed
 * pages, and the log. Not in here: what belongs to people and devices (`devices/`, `labels/`) and the keys.
 *
 * @throws Error if a file belongs to no party, so that a new store cannot stay out of the scan.
 */
export function storedBytes(stateDir: string): { party: Party; file: string; bytes: Buffer }[] {
  return filesBelow(stateDir)
    .filter((file) => !/^(devices|labels)\/|^(secrets|platform|demo|processes)\.json$/.test(file))
    .map((file) => ({ party: partyOf(file), file, bytes: readFileSync(path.join(stateDir, file)) }));
}

/** The canaries that stand in the bytes, as `party: canary's name`. */
export function leaks(
  stored: ReturnType<typeof storedBytes>,
  canaries: Readonly<Record<string, string>>,
): string[] {
  return Object.entries(canaries).flatMap(([name, value]) => {
    if (value.length < 8) throw new Error(`the canary ${name} is too short to be told from chance`);
    return stored.filter(({ bytes }) => bytes.includes(value)).map(({ party }) => `${party}: ${name}`);
  });
}

function partyOf(file: string): Party {
  if (file === "log.jsonl") return "log";
  if (file.startsWith("v3/do/edgenym-pcm-")) return "pcm";
  if (file.startsWith("v3/do/edgenym-cep-")) return "streams";
  if (file.startsWith("v3/do/edgenym-didp-")) return "registry";
  if (file.startsWith("v3/d1/")) return "d1"; // the DIdP's and the pseudonymiser's: files are named by a hash
  if (file.startsWith("v3/cache/")) return "cache";
  throw new Error(`${file} belongs to no known party`);
}

function filesBelow(folder: string, prefix = ""): string[] {
  return readdirSync(path.join(folder, prefix)).flatMap((name) => {
    const file = path.join(prefix, name);
    return statSync(path.join(folder, file)).isDirectory() ? filesBelow(folder, file) : [file];
  });
}
