import type { Sighting } from "./canary.ts";
import { type CanaryName, canaryNames } from "./canary-names.ts";

/** One row: what is looked for, and what each column must show, in the order of `columns`. */
export interface Row {
  readonly title: string;
  readonly canaries: readonly CanaryName[];
  readonly expected: readonly Sighting[];
  /** Its flow needs a system package; without that it is left out, and the tests say so. */
  readonly isOptional: boolean;
}

/**
 * IDENTITY.md §3.1 with the rows that issue 4 adds: title, canaries, and what must be seen at manufacturer, UIdP, login
 * part, token part, pseudonymiser, gateway, PCM, stream app, device, TPA, another gateway, server of a webhook.
 */
const table = `
  hardware id (serial)                                        | hardware                                | seen  –     –     seen  –     –     –     –     kept  –     –     –
  device's client_id                                          | deviceClientId                          | seen  –     –     kept  –     –     –     –     kept  –     –     –
  device's client_secret                                      | deviceSecret                            | seen  –     –     seen  –     –     –     –     kept  –     –     –
  app's client_id                                             | appClientId                             | –     –     –     kept  –     –     –     –     –     seen  –     –
  claim code                                                  | claimCode                               | seen  –     –     seen  –     –     –     –     –     –     –     –
  UIdP subject                                                | subject                                 | –     kept  seen  –     –     –     –     –     –     –     –     –
  name and e-mail                                             | email, personName                       | –     kept  –     –     –     –     –     –     –     –     –     –
  anonymous id                                                | anonymousId                             | –     –     kept  kept  kept  –     –     –     –     –     –     –
  the gateway's pseudonym of the user                         | gatewayUser                             | –     –     –     –     –     –     kept  kept  –     –     –     –
  the gateway's pseudonym of an app                           | gatewayApp                              | –     –     –     –     –     –     kept  –     –     –     –     –
  dh (per ownership)                                          | deviceHandle                            | –     –     –     kept  –     seen  kept  kept  –     –     –     –
  ph (pairwise handle)                                        | pairwiseHandle                          | –     –     –     –     –     seen  kept  –     –     seen  –     –
  device's bearer tokens                                      | deviceTokens                            | –     –     –     seen  –     seen  seen  –     seen  –     –     –
  app's bearer tokens                                         | appTokens                               | –     –     –     seen  –     seen  seen  –     –     seen  –     –
  data value of a selected device                             | value                                   | –     –     –     –     –     seen  kept  kept  seen  seen  –     seen
  data value of another device                                | unselectedValue                         | –     –     –     –     –     seen  kept  kept  seen  –     –     –
  secret that signs a rule's postings (webhook)               | webhookSecret                           | –     –     –     –     –     seen  –     kept  –     –     –     –
  command                                                     | command                                 | –     –     –     –     –     seen  kept  –     seen  seen  –     –
  owner's name for a device                                   | deviceName                              | –     –     –     seen  –     seen  kept  kept  –     –     –     –
  which app the user uses                                     | appName                                 | –     –     –     kept  –     seen  kept  –     –     seen  seen     –
  IP address                                                  | ownerAddress, deviceAddress, appAddress | –     seen  seen  seen  –     seen  –     –     –     –     seen     –
  factory's tokens and invitations                            | factoryToken                            | seen  –     –     seen  –     –     –     –     –     –     –     –
  recovery codes                                              | recoveryCode                            | –     –     –     seen  –     –     –     –     –     –     –     –
  link that gives a device away                               | transferLink                            | –     –     –     seen  –     –     –     –     –     –     –     –
  SAML assertion                                              | samlAnswer                              | –     kept  seen  –     –     –     –     –     –     –     –     –
  what a SAML provider tells unasked                          | samlAttributes                          | –     kept  seen  –     –     –     –     –     –     –     –     –
  password at a directory                                     | directoryPassword                       | –     kept  seen  –     –     –     –     –     –     –     –     –
  names within a directory, and the password that searches it | distinguishedName                       | –     kept  –     –     –     –     –     –     –     –     –     –
  another gateway's pseudonym of the user                     | otherUser                               | –     –     –     seen  –     –     –     –     –     –     seen     –
  dh of a device at another gateway                           | otherHandle                             | –     –     –     kept  –     –     –     –     –     –     seen     –
  owner's name for that device                                | otherDeviceName                         | –     –     –     seen  –     –     –     –     –     –     seen     –
  tokens for another gateway                                  | otherToken                              | –     –     –     seen  –     –     –     –     seen  seen  seen     –
`;

const optional: readonly CanaryName[] = [
  "samlAnswer",
  "samlAttributes",
  "directoryPassword",
  "distinguishedName",
];

/** Every row of the matrix. */
export const rows: readonly Row[] = table
  .trim()
  .split("\n")
  .map((line) => {
    const [title = "", names = "", cells = ""] = line.split("|").map((part) => part.trim());
    const canaries = names.split(", ").map(canaryNamed);
    const expected = cells.split(/\s+/).map(sightingNamed);
    return { title, canaries, expected, isOptional: canaries.every((name) => optional.includes(name)) };
  });

function canaryNamed(name: string): CanaryName {
  const known = canaryNames.find((one) => one === name);
  if (known === undefined) throw new Error(`there is no canary called ${name}`);
  return known;
}

function sightingNamed(cell: string): Sighting {
  if (cell === "kept" || cell === "seen" || cell === "–") return cell;
  throw new Error(`"${cell}" is no sighting`);
}
