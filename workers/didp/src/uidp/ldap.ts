import "./quiet-console.ts";
import { AndFilter, Client, EqualityFilter, InvalidCredentialsError } from "ldapts";
import { CodedError } from "../../../../engines/errors/coded-error.ts";
import type { LdapUidp } from "./settings.ts";
import {
  type Answer,
  type Begun,
  type Confirmed,
  notAvailable,
  notCompleted,
  type UidpLogin,
} from "./uidp-login.ts";

const TIMEOUT_MS = 5000;
const MOST_CHARACTERS = 256;

/**
 * Login with a directory's name and password over TLS: search for the one entry with that login name, then bind as
 * it. The subject is the entry's unchanging id: a DN, a uid or an address tells who it is, and changes.
 *
 * The password is passed on and dropped; it is never compared, hashed or kept here.
 */
export class LdapLogin implements UidpLogin {
  readonly #uidp: LdapUidp;

  constructor(uidp: LdapUidp) {
    this.#uidp = uidp;
  }

  async begin(): Promise<Begun> {
    return { kind: "password-form" };
  }

  async finish(answer: Answer): Promise<Confirmed> {
    if (answer.kind !== "form") throw notCompleted();
    const [name, password] = [answer.fields.get("username") ?? "", answer.fields.get("password") ?? ""];
    // RFC 4513 §5.1.2: a bind with a name and no password succeeds on some servers and proves nothing.
    if (
      name === "" ||
      password === "" ||
      name.length > MOST_CHARACTERS ||
      password.length > MOST_CHARACTERS
    ) {
      throw notCompleted();
    }
    // workerd checks the certificate against the name in the URL; there is no switch to leave that out.
    const client = new Client({ url: this.#uidp.url, timeout: TIMEOUT_MS, connectTimeout: TIMEOUT_MS });
    try {
      const entry = await this.#find(client, name);
      // An unknown name costs a bind as well, so that the time does not tell who is in the directory.
      await client.bind(entry?.dn ?? `cn=nobody,${this.#uidp.base_dn}`, password);
      if (entry === undefined) throw notCompleted();
      return { subject: entry.subject, authenticatedMs: Date.now() };
    } catch (error) {
      if (error instanceof CodedError) throw error;
      throw error instanceof InvalidCredentialsError ? notCompleted() : notAvailable();
    } finally {
      await client.unbind().catch(() => undefined);
    }
  }

  async #find(client: Client, name: string): Promise<{ dn: string; subject: string } | undefined> {
    const { bind_dn, bind_password, base_dn, login_attribute, object_class, subject_attribute } = this.#uidp;
    if (bind_dn !== undefined && bind_password !== undefined) {
      // Ours, not the person's: that it fails is no "wrong password".
      await client.bind(bind_dn, bind_password).catch(() => {
        throw notAvailable();
      });
    }
    // Built, not written: what a person types is a value in it and never part of its syntax (RFC 4515).
    const filter = new AndFilter({
      filters: [
        new EqualityFilter({ attribute: "objectClass", value: object_class }),
        new EqualityFilter({ attribute: login_attribute, value: name }),
      ],
    });
    const { searchEntries } = await client.search(base_dn, {
      scope: "sub",
      filter,
      attributes: [subject_attribute],
      // Sixteen bytes, not text: read as UTF-8 different people would become the same one.
      explicitBufferAttributes: ["objectGUID"],
      sizeLimit: 2,
    });
    const [entry, second] = searchEntries;
    const subject = subjectIn(entry?.[subject_attribute]);
    if (entry === undefined || second !== undefined || subject === undefined) return undefined;
    return { dn: entry.dn, subject };
  }
}

/** `entryUUID` as text, or the bytes of `objectGUID` in hexadecimal, in the order in which they lie there. */
function subjectIn(value: unknown): string | undefined {
  if (value instanceof Uint8Array) {
    return value.length === 16
      ? Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("")
      : undefined;
  }
  const isUuid = typeof value === "string" && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value);
  return isUuid ? value.toLowerCase() : undefined;
}
