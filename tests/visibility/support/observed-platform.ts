import diagnostics from "node:diagnostics_channel";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type LocalLogin, startLocalLogin } from "../../../demo/local-login.ts";
import { keyRingOf } from "../../../durable-objects/registry/keys.ts";
import { appAt } from "../../../durable-objects/registry/names-at-gateways.ts";
import { fromBase64url } from "../../../engines/oauth/base64url.ts";
import { RouteSealer } from "../../../engines/oauth/sealed-route.ts";
import { type Addresses, addressesFrom } from "../../../scripts/platform/addresses.ts";
import { type Platform, type PlatformOptions, startPlatform } from "../../../scripts/platform/platform.ts";
import { type PlatformSecrets, platformSecrets } from "../../../scripts/platform/secrets.ts";
import { Captures, type Party } from "./captures.ts";
import { addressOf, callerAt, fetchFrom } from "./network.ts";
import { type Door, type Listener, openHttpDoor, openTcpDoor } from "./recording-door.ts";

/** The whole platform with a recording door in front of each part; `addresses` are those of the doors. */
export class ObservedPlatform {
  readonly addresses: Addresses;
  readonly captures = new Captures();
  readonly secrets: PlatformSecrets;
  readonly #platform: Platform;
  readonly #logins: readonly LocalLogin[];
  readonly #doors: readonly Door[];
  readonly #restore: () => void;

  private constructor(addresses: Addresses, secrets: PlatformSecrets, parts: Parts, captures: Captures) {
    this.addresses = addresses;
    this.secrets = secrets;
    this.captures = captures;
    this.#platform = parts.platform;
    this.#logins = parts.logins;
    this.#doors = parts.doors;
    this.#restore = parts.restore;
  }

  /**
   * @param firstPort the first of ten free ports.
   * @param more login providers and gateways beside the local ones.
   */
  static async start(
    firstPort: number,
    more: {
      uidps?: readonly object[];
      gateways?: readonly object[];
      plugins?: PlatformOptions["plugins"];
    } = {},
  ): Promise<ObservedPlatform> {
    const stateDir = mkdtempSync(path.join(tmpdir(), "edgenym-visibility-"));
    const inner = addressesFrom(firstPort, firstPort + 4);
    const outer = { ...addressesFrom(firstPort + 5, firstPort + 9), sampleApp: inner.sampleApp };
    const secrets = await platformSecrets(stateDir);
    const captures = new Captures();
    // The second login is in the place of the outer sample app, which there is none of.
    const uidps = { demo: outer.uidp, second: `http://127.0.0.1:${firstPort + 8}` };
    const logins: LocalLogin[] = [];
    for (const [id, address] of Object.entries(uidps)) {
      logins.push(
        await startLocalLogin({
          port: Number(new URL(address).port),
          redirectUri: `${outer.didp}/callback/${id}`,
          clientId: "edgenym",
          clientSecret: secrets.uidpClientSecret,
          signingKey: secrets.uidpSigningKey,
          cookieKey: secrets.uidpCookieKey,
        }),
      );
    }
    const platform = await startPlatform({
      addresses: inner,
      stateDir,
      plugins: more.plugins ?? [],
      settings: {
        GATEWAY_URI: outer.gateway,
        DIDP_URI: outer.didp,
        ISSUER: outer.didp,
        UIDPS: JSON.stringify([
          ...Object.entries(uidps).map(([id, issuer]) => ({
            id,
            name: `Login ${id}`,
            protocol: "oidc",
            issuer,
            client_id: "edgenym",
            client_secret: secrets.uidpClientSecret,
            allow_insecure_issuer: true,
          })),
          ...(more.uidps ?? []),
        ]),
        EXTERNAL_GATEWAYS: JSON.stringify(more.gateways ?? []),
        DEVICE_POLL_SECONDS: "1",
        APP_REGISTRATIONS_PER_MINUTE: "1000",
        ALLOW_LOOPBACK_WEBHOOKS: "true",
      },
    });
    const portOf = (address: string) => Number(new URL(address).port);
    const doors = await Promise.all([
      openHttpDoor(portOf(outer.gateway), portOf(inner.gateway), gatewayListener(captures)),
      openTcpDoor(portOf(outer.mqtt), portOf(inner.mqtt), gatewayListener(captures)),
      openHttpDoor(portOf(outer.didp), portOf(inner.didp), didpListener(captures)),
    ]);
    const stopWatching = watchLogins(Object.values(uidps).map(portOf), captures);
    const ownFetch = globalThis.fetch;
    globalThis.fetch = fetchFrom();
    const restore = () => {
      globalThis.fetch = ownFetch;
      stopWatching();
    };
    return new ObservedPlatform(outer, secrets, { platform, logins, doors, restore }, captures);
  }

  /** Stops everything, adds what every store and the log hold to the captures, and removes the state. */
  async stop(): Promise<void> {
    this.#restore();
    for (const door of this.#doors) await door.close();
    await this.#platform.stop();
    for (const login of this.#logins) await login.close();
    const { stateDir } = this.#platform;
    // All bytes first: opening a database would fold its write-ahead log into it and remove it.
    const files = filesBelow(stateDir).map((name) => ({
      name,
      bytes: readFileSync(path.join(stateDir, name)),
    }));
    for (const { name, bytes } of files) this.#keep(path.join(stateDir, name), name, bytes);
    rmSync(stateDir, { recursive: true, force: true });
  }

  /** Every anonymous id there was: of each look at the pseudonymiser's database, the last one by `stop`. */
  readonly anonymousIds = new Set<string>();
  /** What the rows of every store hold in the end, each whole row as text. */
  readonly rows: { readonly party: Party; readonly table: string; readonly row: Buffer }[] = [];

  /** The anonymous ids of now. */
  async pseudonyms(): Promise<readonly string[]> {
    const database = await this.#platform.miniflare.getD1Database("DB", "edgenym-pseudonymiser");
    const { results } = await database.prepare("SELECT DISTINCT anon FROM pseudonym").all<{ anon: string }>();
    for (const { anon } of results) this.anonymousIds.add(anon);
    return results.map(({ anon }) => anon);
  }

  /** The gateway's pseudonym of an app. */
  appHere(oauthClientId: string): Promise<string> {
    return appAt(keyRingOf(JSON.stringify(this.secrets.didpKeys)), this.addresses.gateway, oauthClientId);
  }

  /** The gateway's pseudonym of the user whose `wss://…/mqtt/{route}` this is. */
  async userBehind(gatewayUri: string): Promise<string> {
    const key = fromBase64url(this.secrets.routeKey);
    if (key === undefined) throw new Error("the route key is not base64url");
    return String(await new RouteSealer(new Uint8Array(key)).unseal(gatewayUri.split("/").at(-1) ?? ""));
  }

  #keep(file: string, name: string, bytes: Buffer): void {
    if (/^(secrets|platform|processes)\.json$|^v3\/cache\//.test(name)) return; // keys, addresses; copies of the UIdP's public keys
    if (name === "log.jsonl") {
      for (const line of bytes.toString().split("\n")) {
        for (const party of writersOf(line)) this.captures.add(party, "kept", line);
      }
      return;
    }
    const script = /^v3\/do\/edgenym-(pcm|cep|didp)-/.exec(name)?.[1];
    if (script === "pcm" || script === "cep") {
      const party = script === "pcm" ? "pcm" : "streams";
      this.captures.add(party, "kept", bytes);
      this.#keepRows(party, file);
    } else if (script === "didp") {
      this.captures.add("didp", "kept", bytes);
      this.#keepRows("didp", file);
      for (const row of rowsOf(file, ["session", "login", "attempt"]))
        this.captures.add("login", "kept", row);
    } else if (name.startsWith("v3/d1/")) this.#keepD1(file, bytes);
    else throw new Error(`${name} belongs to no known party`);
  }

  #keepD1(file: string, bytes: Buffer): void {
    for (const row of rowsOf(file, ["pseudonym"], "anon"))
      this.anonymousIds.add(String(JSON.parse(row).anon));
    // The write-ahead log lies beside its database, whose name it begins with.
    const isPseudonymiser = isDatabaseOf(file.replace(/-(wal|shm)$/, ""), "pseudonym");
    const party = isPseudonymiser ? "pseudonymiser" : "didp";
    this.captures.add(party, "kept", bytes);
    this.#keepRows(party, file);
  }

  #keepRows(party: Party, file: string): void {
    if (!isDatabase(file)) return;
    const database = new DatabaseSync(file);
    try {
      const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
      for (const { name } of tables) {
        const statement = database.prepare(`SELECT * FROM "${name}"`);
        statement.setReadBigInts(true);
        for (const row of statement.all()) {
          const cells = Object.values(row).map((cell) =>
            cell instanceof Uint8Array ? Buffer.from(cell) : Buffer.from(String(cell)),
          );
          this.rows.push({ party, table: String(name), row: Buffer.concat(cells) });
        }
      }
    } finally {
      database.close();
    }
  }
}

interface Parts {
  readonly platform: Platform;
  readonly logins: readonly LocalLogin[];
  readonly doors: readonly Door[];
  readonly restore: () => void;
}

/** What goes through the gateway is seen by it; of that, the frames alone reach the personal cloud. */
function gatewayListener(captures: Captures): Listener {
  return ({ source, isFrame }) => {
    const told = [captures.open("gateway", "seen"), captures.open(callerAt(source), "seen")];
    if (isFrame) told.push(captures.open("pcm", "seen"));
    told[0]?.(`from ${source}\n`);
    return (bytes) => {
      for (const tell of told) tell(bytes);
    };
  };
}

/** `/login`, `/callback`, `/logout` and `/saml` are the login part's, everything else is the token part's. */
function didpListener(captures: Captures): Listener {
  return ({ source, path: route }) => {
    const part: Party = /^\/(login|callback|logout|saml)\b/.test(route) ? "login" : "didp";
    const told = [captures.open(part, "seen"), captures.open(callerAt(source), "seen")];
    told[0]?.(`from ${source}\n`);
    return (bytes) => {
      for (const tell of told) tell(bytes);
    };
  };
}

/**
 * Watches the login provider, which runs in this process, through Node's own diagnostics: requests, bodies, answers.
 * Whoever comes from no party's own address is the DIdP's login part on the back channel; everybody else is a person
 * who logs in, whoever they work for.
 */
function watchLogins(ports: readonly number[], captures: Captures): () => void {
  const onStart = (message: unknown) => {
    const { request, response, server } = message as {
      request: IncomingMessage;
      response: ServerResponse;
      server: Server;
    }; // Node's documented fields of this channel
    const address = server.address();
    if (typeof address !== "object" || !ports.includes(address?.port ?? 0)) return;
    const source = request.socket.remoteAddress;
    const isPerson = Object.values<string | undefined>(addressOf).includes(source);
    const other: Party = isPerson ? "owner" : "login";
    const told = [captures.open("uidp", "seen"), captures.open(other, "seen")];
    const tell = (bytes: unknown) => {
      if (typeof bytes === "string" || bytes instanceof Uint8Array) for (const each of told) each(bytes);
    };
    told[0]?.(`from ${source}\n`);
    tell(`${request.method} ${request.url}\n${request.rawHeaders.join("\n")}\n\n`);
    const { push } = request;
    request.push = (chunk: unknown, encoding?: BufferEncoding) => {
      tell(chunk);
      return push.call(request, chunk, encoding);
    };
    const { write, end } = response;
    response.write = ((...given: Parameters<typeof write>) => {
      tell(given[0]);
      return write.apply(response, given);
    }) as typeof write; // the same overloads, passed on
    response.end = ((...given: Parameters<typeof end>) => {
      tell(JSON.stringify(response.getHeaders()));
      tell(given[0]);
      return end.apply(response, given);
    }) as typeof end; // the same overloads, passed on
  };
  diagnostics.subscribe("http.server.request.start", onStart);
  return () => diagnostics.unsubscribe("http.server.request.start", onStart);
}

/** A line is of the Worker that it names; one that names none counts for everybody who can write. */
function writersOf(line: string): readonly Party[] {
  const worker = /"worker":"([\w-]+)"/.exec(line)?.[1];
  const parties: Readonly<Record<string, readonly Party[]>> = {
    gateway: ["gateway"],
    didp: ["didp", "login"],
    registry: ["didp"],
    pcm: ["pcm"],
    "pcm-streams": ["pcm"],
    pseudonymiser: ["pseudonymiser"],
    "stream-app": ["streams"],
  };
  return parties[worker ?? ""] ?? ["gateway", "didp", "login", "pcm", "pseudonymiser", "streams"];
}

/** Rows of those of the tables that are there, as JSON. */
function rowsOf(file: string, tables: readonly string[], columns = "*"): string[] {
  if (!isDatabase(file)) return [];
  const database = new DatabaseSync(file);
  try {
    return tables.flatMap((table) => {
      const found = database
        .prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?")
        .get(table);
      if (found === undefined) return [];
      return database
        .prepare(`SELECT ${columns} FROM ${table}`)
        .all()
        .map((row) => JSON.stringify(row));
    });
  } finally {
    database.close();
  }
}

function isDatabaseOf(file: string, table: string): boolean {
  if (!isDatabase(file)) return false;
  const database = new DatabaseSync(file);
  try {
    return database.prepare("SELECT 1 FROM sqlite_master WHERE name = ?").get(table) !== undefined;
  } finally {
    database.close();
  }
}

function isDatabase(file: string): boolean {
  return file.endsWith(".sqlite");
}

function filesBelow(folder: string, prefix = ""): string[] {
  return readdirSync(path.join(folder, prefix)).flatMap((name) => {
    const file = path.join(prefix, name);
    return statSync(path.join(folder, file)).isDirectory() ? filesBelow(folder, file) : [file];
  });
}
