import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import { keyPurposes } from "../../engines/oauth/key-ring.ts";

/** What a local platform makes for itself at its first start and keeps in `.edgenym/secrets.json` (mode 600). */
export interface PlatformSecrets {
  readonly operatorToken: string;
  /** Shared by the DIdP and its gateway: seals `/mqtt/{route}`. */
  readonly routeKey: string;
  /** By which the gateway proves to other operators' DIdPs who it is. */
  readonly gatewayKey: string;
  /** The pseudonymiser's, oldest first. */
  readonly peppers: readonly string[];
  /** The DIdP's root keys, one a purpose. */
  readonly didpKeys: Readonly<Record<string, string>>;
  /** The client secret of the DIdP at the local login, and that login's own signing key. */
  readonly uidpClientSecret: string;
  readonly uidpCookieKey: string;
  readonly uidpSigningKey: JWK;
}

/** Reads the secrets, or makes them; a purpose that is new since then gets its key. */
export async function platformSecrets(stateDir: string): Promise<PlatformSecrets> {
  const file = path.join(stateDir, "secrets.json");
  const existing = readSecrets(file);
  const secrets: PlatformSecrets = {
    operatorToken: existing?.operatorToken ?? random(),
    routeKey: existing?.routeKey ?? random(),
    gatewayKey: existing?.gatewayKey ?? random(),
    peppers: existing?.peppers ?? [random()],
    didpKeys: Object.fromEntries(
      keyPurposes.map((purpose) => [purpose, existing?.didpKeys?.[purpose] ?? random()]),
    ),
    uidpClientSecret: existing?.uidpClientSecret ?? random(),
    uidpCookieKey: existing?.uidpCookieKey ?? random(),
    uidpSigningKey: existing?.uidpSigningKey ?? (await signingKey()),
  };
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return secrets;
}

function readSecrets(file: string): Partial<PlatformSecrets> | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Error(
      `${file} cannot be read; mend it, or remove the folder to begin anew (every claim and grant is then lost)`,
      {
        cause: error,
      },
    );
  }
}

async function signingKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  return { ...(await exportJWK(privateKey)), alg: "ES256", use: "sig", kid: "local-login" };
}

function random(): string {
  return randomBytes(32).toString("base64url");
}
