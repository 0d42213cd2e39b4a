import { execFileSync } from "node:child_process";
import type { Page } from "../../../../cli/sim/person.ts";
import {
  BASE_DN,
  hasDirectory,
  people as listed,
  SEARCHER,
  startDirectory,
} from "../../../logins/support/directory.ts";
import { TestKeys } from "../../../logins/support/keys.ts";
import { hasSimpleSaml, simpleSamlUidp, startSimpleSaml } from "../../../logins/support/simplesamlphp.ts";
import { send } from "../forms.ts";
import type { Scene } from "../scene.ts";

/** The flows that cannot be walked on this machine, and what they need. */
export const missingLogins: readonly string[] = [
  ...(hasSimpleSaml ? [] : ["logins by SAML (missing: apt-get install simplesamlphp php-cli php-xml)"]),
  ...(hasDirectory ? [] : ["logins by LDAP (missing: apt-get install slapd)"]),
];

/** Debian's simplesamlphp and slapd beside a platform. `uidps` and the certificate are set before it starts. */
export class DirectoryLogins {
  readonly #keys = new TestKeys();
  readonly #port: number;
  readonly #servers: { stop(): Promise<void> }[] = [];

  /** @param port the first of two free ports */
  constructor(port: number) {
    this.#port = port;
    for (const flow of missingLogins) console.warn(`SKIPPED: ${flow}`);
    if (hasSimpleSaml) this.#keys.selfSigned("saml-idp", "idp.canary.example");
    if (!hasDirectory) return;
    this.#keys.selfSigned("authority", "Test authority", "basicConstraints=critical,CA:TRUE");
    this.#keys.issued("directory", "localhost", "authority");
    process.env.SSL_CERT_FILE = this.#keys.path("authority.crt"); // workerd reads it when it starts
  }

  get uidps(): readonly object[] {
    const saml = hasSimpleSaml ? [simpleSamlUidp(this.#port, this.#keys.read("saml-idp.crt"))] : [];
    const ldap = {
      id: "office",
      name: "Office",
      protocol: "ldap",
      url: `ldaps://localhost:${this.#port + 1}`,
      base_dn: `ou=people,${BASE_DN}`,
      login_attribute: "uid",
      bind_dn: SEARCHER.dn,
      bind_password: SEARCHER.password,
    };
    return [...saml, ...(hasDirectory ? [ldap] : [])];
  }

  /** Everybody logs in once, by each. */
  async walk(scene: Scene): Promise<void> {
    const { captures, addresses } = scene.platform;
    const logIn = (uidp: string) => {
      const person = scene.person("");
      const page = person.open(new URL(`/login/${uidp}?to=/me/account`, addresses.didp));
      return { person, page };
    };
    if (hasSimpleSaml) {
      const metadata = await (await fetch(`${addresses.didp}/saml/metadata`)).text();
      this.#servers.push(await startSimpleSaml(this.#keys, this.#port, metadata));
      for (const account of ["alice", "bob"]) {
        const { person, page } = logIn("uni");
        const form = await page;
        captures.add("uidp", "seen", `${form.url}`);
        const answer = await send(person, form, /./, { username: account, password: account });
        captures.add("uidp", "seen", `${answer.url}\n${answer.html}`);
        const { response, nameId } = readAnswer(answer);
        scene.plant("subject", nameId);
        scene.plant("samlAnswer", response.slice(0, 64), response.slice(-64));
        scene.plant("samlAttributes", `${account}@canary.example`);
        captures.add("uidp", "kept", `${nameId} ${response} ${account}@canary.example`);
        expectAccount(await send(person, answer, /saml\/acs$/));
      }
      scene.plant("samlAttributes", "Canary Alice", "Canary Bob");
      captures.add("uidp", "kept", "Canary Alice, Canary Bob");
    }
    if (!hasDirectory) return;
    this.#servers.push(await startDirectory(this.#keys, this.#port + 1, "directory"));
    const entries = execFileSync(
      "/usr/sbin/slapcat",
      ["-f", this.#keys.path(`slapd-${this.#port + 1}/slapd.conf`)],
      {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    captures.add("uidp", "kept", entries);
    for (const { uid, password } of listed) {
      const entry = entries.split("\n\n").find((text) => text.startsWith(`dn: uid=${uid},`)) ?? "";
      const uuid = /^entryUUID: (.+)$/m.exec(entry)?.[1] ?? "";
      scene.plant("subject", uuid, uuid.replaceAll("-", ""));
      scene.plant("personName", `Canary ${uid}`);
      scene.plant("directoryPassword", password);
      scene.plant("distinguishedName", `uid=${uid},ou=people`, SEARCHER.dn, SEARCHER.password);
      captures.add("uidp", "kept", `${password} ${SEARCHER.password}`);
      const { person, page } = logIn("office");
      expectAccount(await send(person, await page, /\/login\//, { username: uid, password }));
    }
  }

  async stop(): Promise<void> {
    for (const server of this.#servers) await server.stop();
    if (hasDirectory) delete process.env.SSL_CERT_FILE;
    this.#keys.remove();
  }
}

function expectAccount(page: Page): void {
  if (page.heading !== "My account")
    throw new Error(`the login led to "${page.heading}" (HTTP ${page.status})`);
}

/** The assertion on its way through the browser, and whom it names. */
function readAnswer(page: Page): { response: string; nameId: string } {
  const fields = page.forms.flatMap((form) => form.fields);
  const response = fields.find(({ name }) => name === "SAMLResponse")?.value ?? "";
  const nameId = /<saml:NameID[^>]*>([^<]*)</.exec(Buffer.from(response, "base64").toString())?.[1] ?? "";
  if (nameId.length < 20) throw new Error("the provider answered without a NameID");
  return { response, nameId };
}
