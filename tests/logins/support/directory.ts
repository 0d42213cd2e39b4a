import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import type { TestKeys } from "./keys.ts";
import { startServer } from "./processes.ts";

export const hasDirectory = existsSync("/usr/sbin/slapd") && existsSync("/etc/ldap/schema/core.schema");

export const BASE_DN = "dc=canary,dc=example";
export const SEARCHER = { dn: `cn=searcher,${BASE_DN}`, password: "searcher-canary-password" };
export const people = [
  { uid: "alice", password: "alice-canary-password", mail: "alice@canary.example", guid: guid(0x80) },
  { uid: "bob", password: "bob-canary-password", mail: "bob@canary.example", guid: guid(0x81) },
] as const;
/** In the directory, without an id of Active Directory's, and with one of a wrong length. */
export const oddPeople = [
  { uid: "erik", password: "erik-canary-password", mail: "erik@canary.example", guid: undefined },
  { uid: "fred", password: "fred-canary-password", mail: "fred@canary.example", guid: "c2hvcnQ=" },
] as const;

/** Sixteen bytes in base64. No byte is UTF-8: read as text, everybody would have the same id. */
function guid(last: number): string {
  return Buffer.from([...Array<number>(15).fill(0xff), last]).toString("base64");
}

/** OpenLDAP's server over TLS only, with two people in it. */
export async function startDirectory(keys: TestKeys, port: number, certificate: string) {
  const folder = keys.path(`slapd-${port}`);
  mkdirSync(`${folder}/db`, { recursive: true });
  const modules = ["/usr/lib/ldap", "/usr/lib/x86_64-linux-gnu/ldap"].find((one) => existsSync(one));
  writeFileSync(
    `${folder}/slapd.conf`,
    `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.4203.666.1.1 NAME 'activeDirectoryEntry' SUP top AUXILIARY MAY objectGUID )
modulepath ${modules}
moduleload back_mdb.la
pidfile ${folder}/slapd.pid
TLSCertificateFile ${keys.path(`${certificate}.crt`)}
TLSCertificateKeyFile ${keys.path(`${certificate}.key`)}
# As lax as a directory can be: the client has to hold.
allow bind_anon_cred bind_anon_dn
database mdb
suffix "${BASE_DN}"
rootdn "cn=admin,${BASE_DN}"
directory ${folder}/db
access to attrs=userPassword by anonymous auth by * none
access to * by dn="${SEARCHER.dn}" read by anonymous auth by * none
`,
  );
  writeFileSync(`${folder}/people.ldif`, ldif());
  execFileSync("/usr/sbin/slapadd", ["-f", `${folder}/slapd.conf`, "-l", `${folder}/people.ldif`], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  return startServer(
    "/usr/sbin/slapd",
    ["-d", "0", "-f", `${folder}/slapd.conf`, "-h", `ldaps://127.0.0.1:${port}/`],
    { port },
  );
}

function ldif(): string {
  const entries = [
    `dn: ${BASE_DN}\nobjectClass: dcObject\nobjectClass: organization\ndc: canary\no: Canary`,
    `dn: ou=people,${BASE_DN}\nobjectClass: organizationalUnit\nou: people`,
    `dn: ${SEARCHER.dn}\nobjectClass: applicationProcess\nobjectClass: simpleSecurityObject\ncn: searcher\nuserPassword: ${SEARCHER.password}`,
    ...[...people, ...oddPeople].map(
      ({ uid, password, mail, guid: bytes }) =>
        `dn: uid=${uid},ou=people,${BASE_DN}\nobjectClass: inetOrgPerson\nobjectClass: activeDirectoryEntry\nuid: ${uid}\ncn: Canary ${uid}\nsn: Canary\nmail: ${mail}\nuserPassword: ${password}${bytes === undefined ? "" : `\nobjectGUID:: ${bytes}`}`,
    ),
  ];
  return `${entries.join("\n\n")}\n`;
}
