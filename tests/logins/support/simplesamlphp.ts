import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import type { TestKeys } from "./keys.ts";
import { startServer } from "./processes.ts";

const WWW = "/usr/share/simplesamlphp/www";
export const hasSimpleSaml = existsSync(`${WWW}/saml2/idp/SSOService.php`) && existsSync("/usr/bin/php");

/**
 * Debian's simplesamlphp as an identity provider whose people are `alice` and `bob` (any password: their name), over
 * PHP's own server. It knows us by the metadata that we publish, and signs with the key `saml-idp`.
 */
export async function startSimpleSaml(keys: TestKeys, port: number, spMetadata: string) {
  const folder = keys.path("simplesamlphp");
  for (const name of ["metadata", "log", "data", "tmp", "sessions"]) {
    mkdirSync(`${folder}/${name}`, { recursive: true });
  }
  const origin = `http://127.0.0.1:${port}`;
  writeFileSync(`${folder}/sp.xml`, spMetadata);
  writeFileSync(
    `${folder}/config.php`,
    `<?php
$config = [
  'baseurlpath' => '${origin}/',
  'certdir' => '${keys.folder}/',
  'loggingdir' => '${folder}/log/', 'datadir' => '${folder}/data/', 'tempdir' => '${folder}/tmp/',
  'metadatadir' => '${folder}/metadata/',
  'attributenamemapdir' => '/usr/share/simplesamlphp/config/attributemap/',
  'secretsalt' => 'a-salt-of-this-test-only', 'auth.adminpassword' => 'not-used-in-this-test',
  'technicalcontact_name' => 'Test', 'technicalcontact_email' => 'na@example.org',
  'timezone' => 'UTC', 'admin.checkforupdates' => false,
  'logging.handler' => 'file', 'logging.logfile' => 'simplesamlphp.log', 'showerrors' => true,
  'enable.saml20-idp' => true,
  'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
  'session.cookie.secure' => false, 'session.cookie.samesite' => null, 'language.cookie.secure' => false,
  'session.phpsession.savepath' => '${folder}/sessions', 'store.type' => 'phpsession',
  'metadata.sources' => [['type' => 'flatfile'], ['type' => 'xml', 'file' => '${folder}/sp.xml']],
];
`,
  );
  writeFileSync(
    `${folder}/authsources.php`,
    `<?php
$config = ['people' => ['exampleauth:UserPass',
  'alice:alice' => ['uid' => ['alice'], 'mail' => ['alice@canary.example'], 'cn' => ['Canary Alice']],
  'bob:bob' => ['uid' => ['bob'], 'mail' => ['bob@canary.example'], 'cn' => ['Canary Bob']],
]];
`,
  );
  writeFileSync(
    `${folder}/metadata/saml20-idp-hosted.php`,
    `<?php
$metadata['${origin}/idp'] = [
  'host' => '__DEFAULT__', 'privatekey' => 'saml-idp.key', 'certificate' => 'saml-idp.crt', 'auth' => 'people',
  'authproc' => [3 => ['class' => 'saml:PersistentNameID', 'attribute' => 'uid']],
];
`,
  );
  const server = await startServer(
    "/usr/bin/php",
    ["-d", "display_errors=0", "-S", `127.0.0.1:${port}`, "-t", WWW],
    {
      port,
      env: { SIMPLESAMLPHP_CONFIG_DIR: folder },
    },
  );
  return { ...server, log: `${folder}/log/simplesamlphp.log` };
}

/** The setting for it. */
export function simpleSamlUidp(port: number, certificate: string) {
  const origin = `http://127.0.0.1:${port}`;
  return {
    id: "uni",
    name: "University",
    protocol: "saml",
    entity_id: `${origin}/idp`,
    sso_url: `${origin}/saml2/idp/SSOService.php`,
    certificates: [certificate],
  };
}
