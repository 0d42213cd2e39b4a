import * as z from "zod";
import { oauth2Presets } from "./oauth2-presets.ts";

/*
 * The setting `UIDPS`: a JSON array, one object a login. docs/logins.md shows an example of each.
 */

const common = {
  /** In our URLs and, hashed with the subject, in the pseudonym: never change it. */
  id: z.string().regex(/^[a-z0-9-]{1,32}$/),
  /** On the button. */
  name: z.string().min(1).max(60),
};

const client = {
  client_id: z.string().min(1),
  client_secret: z.string().min(1),
  /** For a login on one's own machine only: lets its URLs be plain http. */
  allow_insecure_issuer: z.literal(true).optional(),
};

const oidc = z.strictObject({ ...common, protocol: z.literal("oidc"), issuer: z.url(), ...client });

const oauth2Preset = z.strictObject({
  ...common,
  protocol: z.literal("oauth2"),
  preset: z.enum(["github", "google", "facebook", "x"]),
  ...client,
  /** Over the preset's own, such as those of a GitHub Enterprise server. */
  endpoints: z
    .strictObject({
      issuer: z.url().optional(),
      authorization: z.url().optional(),
      token: z.url().optional(),
      user: z.url().optional(),
    })
    .optional(),
});

const saml = z.strictObject({
  ...common,
  protocol: z.literal("saml"),
  /** The identity provider's entity id, as it stands in `Issuer`. */
  entity_id: z.string().min(1).max(1024),
  /** Its single sign-on address for the HTTP-Redirect binding. */
  sso_url: z.url().refine(isSafe, { error: "sso_url: https, or http on one's own machine" }),
  /** Its signing certificates (PEM or their base64 alone); two while it changes from one to the next. */
  certificates: z.array(z.string().min(1)).min(1).max(4),
});

const ldap = z
  .strictObject({
    ...common,
    protocol: z.literal("ldap"),
    /** `ldaps://host[:port]`: never without TLS. */
    url: z.url({ protocol: /^ldaps$/ }),
    /** Where people are looked for, with everything below. */
    base_dn: z.string().min(1),
    /** The attribute that people type as their login name. */
    login_attribute: z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,62}$/),
    object_class: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9-]{0,62}$/)
      .default("person"),
    /**
     * Given to an entry once, never changed, never given again: `entryUUID` (RFC 4530), or `objectGUID` in Active
     * Directory. Another one makes everybody a stranger.
     */
    subject_attribute: z.enum(["entryUUID", "objectGUID"]).default("entryUUID"),
    /** Whose account searches; without these the search is anonymous. */
    bind_dn: z.string().min(1).optional(),
    bind_password: z.string().min(1).optional(),
  })
  .refine((one) => (one.bind_dn === undefined) === (one.bind_password === undefined), {
    error: "bind_dn and bind_password: both or neither",
  });

/** What people are sent to must not be changed on its way. */
function isSafe(uri: string): boolean {
  const { protocol, hostname } = new URL(uri);
  return protocol === "https:" || (protocol === "http:" && /^(?:127\.0\.0\.1|localhost)$/.test(hostname));
}

/** The zod schema of `UIDPS` after `JSON.parse`. */
export const uidpsSetting = z
  .array(z.discriminatedUnion("protocol", [oidc, oauth2Preset, saml, ldap]))
  .refine((uidps) => new Set(uidps.map((uidp) => uidp.id)).size === uidps.length, {
    error: "each id once",
  });

/** One login provider, by its protocol. */
export type Uidp = z.infer<typeof uidpsSetting>[number];
export type OidcUidp = z.infer<typeof oidc>;
export type OAuth2Uidp = z.infer<typeof oauth2Preset>;
export type SamlUidp = z.infer<typeof saml>;
export type LdapUidp = z.infer<typeof ldap>;

/** Whether a login can be made to ask the person again, and says whether it did. */
export function canProve(uidp: Uidp): boolean {
  return uidp.protocol !== "oauth2" || oauth2Presets[uidp.preset].user === undefined;
}

/** Where a form that leads to this login ends (`form-action` of a page's policy); nothing for a form of our own. */
export function formTargetOf(uidp: Uidp): readonly string[] {
  switch (uidp.protocol) {
    case "oidc":
      return [uidp.issuer];
    case "oauth2":
      return [uidp.endpoints?.authorization ?? oauth2Presets[uidp.preset].authorization];
    case "saml":
      return [uidp.sso_url];
    case "ldap":
      return [];
  }
}
