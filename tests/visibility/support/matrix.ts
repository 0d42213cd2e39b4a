import { formsOf, has, type Sighting, sightingOf } from "./canary.ts";
import type { CanaryName } from "./canary-names.ts";
import { type Captures, everybody, type Party } from "./captures.ts";
import type { FullRun } from "./full-run.ts";
import { rows } from "./rows.ts";

/** The columns. */
export const columns = [
  ["manufacturer", "manufacturer"],
  ["UIdP", "uidp"],
  ["DIdP, login part", "login"],
  ["DIdP, token part", "didp"],
  ["pseudonymiser", "pseudonymiser"],
  ["gateway", "gateway"],
  ["PCM", "pcm"],
  ["stream app", "streams"],
  ["device", "device"],
  ["TPA", "tpa"],
  ["another gateway", "otherGateway"],
  ["server of a webhook", "webhook"],
] as const satisfies readonly (readonly [title: string, party: Party])[];

/** One cell: what was measured and what must be there. */
export interface Cell {
  readonly row: string;
  readonly column: string;
  readonly found: Sighting;
  readonly expected: Sighting;
}

/** Measures every cell. */
export function measure({ captures, canaries }: Pick<FullRun, "captures" | "canaries">): readonly Cell[] {
  const cells = rows.flatMap(({ title, canaries: names, expected, isOptional }) => {
    const looked = names.flatMap((name) => canaries[name] ?? []);
    if (looked.length === 0 && isOptional) return [];
    if (looked.length === 0) throw new Error(`there is no canary for "${title}"`);
    return columns.map(([column, party], index) => ({
      row: title,
      column,
      found: sightingOf(captures, party, looked),
      expected: expected[index] ?? "–",
    }));
  });
  return [...cells, ...whichDevice(captures, canaries)];
}

/** Only who has both the handle of the ownership and the pairwise one can tell which device an app sees. */
function whichDevice(captures: Captures, canaries: FullRun["canaries"]): readonly Cell[] {
  const expected: Partial<Record<Party, Sighting>> = { gateway: "seen", pcm: "kept" };
  const [dh, ph] = [canaries.deviceHandle.slice(0, 1), canaries.pairwiseHandle];
  return columns.map(([column, party]) => {
    const both = [sightingOf(captures, party, dh), sightingOf(captures, party, ph)];
    const found = both.includes("–") ? "–" : both.includes("seen") ? "seen" : "kept";
    return { row: "which device an app sees", column, found, expected: expected[party] ?? "–" };
  });
}

/** The cells that are not as they must be, a sentence each. */
export function wrongCells(cells: readonly Cell[]): readonly string[] {
  return cells
    .filter(({ found, expected }) => found !== expected)
    .map(({ row: of, column, found, expected }) => `${of}, ${column}: ${found} instead of ${expected}`);
}

/** The table as Markdown. */
export function tableOf(cells: readonly Cell[]): string {
  const titles = [...new Set(cells.map((cell) => cell.row))];
  const line = (words: readonly string[]) => `| ${words.join(" | ")} |`;
  return [
    line(["", ...columns.map(([column]) => column)]),
    line(["---", ...columns.map(() => "---")]),
    ...titles.map((title) =>
      line([title, ...cells.filter((cell) => cell.row === title).map(({ found }) => found)]),
    ),
  ].join("\n");
}

/** What must not stand in any URL, where history, logs and other servers would get it (IDENTITY.md §3.4). */
const neverInUrls: readonly CanaryName[] = [
  "hardware",
  "deviceClientId",
  "deviceSecret",
  "claimCode",
  "subject",
  "email",
  "personName",
  "anonymousId",
  "gatewayUser",
  "gatewayApp",
  "webhookSecret",
  "deviceHandle",
  "deviceTokens",
  "appTokens",
  "deviceName",
  "factoryToken",
  "recoveryCode",
  "transferLink",
  "directoryPassword",
  "otherUser",
  "otherHandle",
  "otherToken",
];

/** Canaries in request lines, redirects and referrers, a sentence each. */
export function inUrls({ captures, canaries }: Pick<FullRun, "captures" | "canaries">): readonly string[] {
  const lines = captures
    .of(everybody, ["seen"])
    .flatMap((bytes) => bytes.toString("latin1").match(urlLine) ?? []);
  const urls = Buffer.from(lines.join("\n"), "latin1");
  return neverInUrls
    .filter((name) =>
      (canaries[name] ?? []).some((canary) => formsOf(canary).some((form) => urls.includes(form))),
    )
    .map((name) => `a URL holds ${name}`);
}

/** A request line, or a header that holds a URL and its value, as the doors write them. */
const urlLine = /^(?:(?:GET|POST|PUT|DELETE|PATCH) \/.*|(?:location|referer)\n.*)$/gim;

/** All that is wrong with a run, a sentence each; nothing if it is as it must be. */
export function findingsOf(run: FullRun): readonly string[] {
  return [
    ...wrongCells(measure(run)),
    ...collusions(run).flatMap(({ claim, broken }) =>
      broken.length === 0 ? [] : [`${claim}: not so with ${broken.join(", ")}`],
    ),
    ...run.remains.map((place) => `left of a deleted account: ${place}`),
    ...inUrls(run),
  ];
}

/** One sentence about parties who put together what they have, and what of it does not hold. */
export interface Collusion {
  readonly claim: string;
  readonly broken: readonly string[];
}

/** The collusion rows of IDENTITY.md §3.1. */
export function collusions({ captures, canaries, handles }: FullRun): readonly Collusion[] {
  const absent = (
    parties: readonly Party[],
    names: readonly CanaryName[],
    kinds?: readonly ("kept" | "seen")[],
  ) => names.filter((name) => canaries[name].some((canary) => has(captures, parties, canary, kinds)));
  const common = (parties: readonly [Party, Party]) => {
    const [mine, theirs] = parties.map((party) => idsOf(captures, party));
    const everybodys = idsOf(captures, "control"); // an app of somebody else, on the same platform
    return [...(mine ?? [])].filter((id) => theirs?.has(id) && !everybodys.has(id));
  };
  return [
    {
      claim: "gateway + TPA learn nothing about the user",
      broken: absent(
        ["gateway", "tpa"],
        ["subject", "email", "personName", "anonymousId", "deviceClientId", "claimCode", "hardware"],
      ),
    },
    {
      claim:
        "DIdP's token part + TPA cannot name the devices: no store of one holds a handle or a name of the other",
      broken: [
        ...absent(["didp"], ["pairwiseHandle", "value"]),
        ...absent(["didp"], ["deviceName"], ["kept"]),
        ...absent(["tpa"], ["deviceHandle", "deviceClientId", "deviceName", "hardware"]),
      ],
    },
    {
      claim:
        "two TPAs cannot match a device: nothing like an id is common to what they have, but for the data itself",
      broken: [
        ...common(["tpa", "tpa2"]).filter(
          (id) => ![...canaries.command, ...canaries.value].some((own) => own.includes(id)),
        ),
        ...handles.tpa2.split(" ").filter((handle) => handle === handles.tpa),
      ],
    },
    {
      claim:
        "two gateways cannot match a user or a device, but by what the same app calls itself and by addresses",
      broken: [
        ...common(["gateway", "otherGateway"]).filter((id) => !canaries.appName.includes(id)),
        ...absent(
          ["otherGateway"],
          ["gatewayUser", "deviceHandle", "pairwiseHandle", "deviceTokens", "appTokens"],
        ),
        ...absent(["gateway", "pcm"], ["otherUser", "otherHandle", "otherDeviceName", "otherToken"]),
      ],
    },
    {
      claim: "manufacturer + TPA cannot match serials or client ids",
      broken: [
        ...common(["manufacturer", "tpa"]),
        ...absent(["tpa"], ["hardware", "deviceClientId", "claimCode"]),
      ],
    },
  ];
}

/**
 * Everything like an id: runs of 10 and more letters of base64url with a digit or capitals inside. Times are none:
 * two apps that register in the same second are told the same one.
 */
function idsOf(captures: Captures, party: Party): ReadonlySet<string> {
  const text = captures.of([party]).map((bytes) => bytes.toString("latin1"));
  const runs = text.flatMap((one) => one.match(/[\w-]{10,}/g) ?? []);
  return new Set(runs.filter((run) => (/\d/.test(run) || /[a-z][A-Z]/.test(run)) && !isTime(run)));
}

/** A date of ISO 8601, or a time of these years in seconds or milliseconds. */
function isTime(run: string): boolean {
  if (/^\d{4}-\d\d-\d\d(T\d\d)?$/.test(run)) return true;
  if (!/^\d{10}(\d{3})?$/.test(run)) return false;
  const year = new Date(Number(run.padEnd(13, "0"))).getUTCFullYear();
  return year >= 2020 && year < 2100;
}
