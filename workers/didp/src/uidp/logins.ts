import type { Config } from "../config.ts";
import { OAuth2Login } from "./oauth2.ts";
import { oauth2Presets } from "./oauth2-presets.ts";
import { OidcLogin } from "./oidc.ts";
import type { Uidp } from "./settings.ts";
import type { UidpLogin } from "./uidp-login.ts";

/** The adapter of an OpenID provider, under whatever name it is configured; `undefined` for anything else. */
export function openIdProviderAt(config: Config, uidp: Uidp): OidcLogin | undefined {
  if (uidp.protocol === "oidc") return new OidcLogin(config, uidp);
  if (uidp.protocol !== "oauth2") return undefined;
  const preset = oauth2Presets[uidp.preset];
  if (preset.user !== undefined) return undefined;
  const { endpoints, preset: _, ...rest } = uidp;
  return new OidcLogin(config, { ...rest, protocol: "oidc", issuer: endpoints?.issuer ?? preset.issuer });
}

/** The adapter of a login. SAML and LDAP are set up when the first person needs them, not at each cold start. */
export async function loginAt(config: Config, uidp: Uidp): Promise<UidpLogin> {
  switch (uidp.protocol) {
    case "oidc":
      return new OidcLogin(config, uidp);
    case "oauth2":
      return openIdProviderAt(config, uidp) ?? new OAuth2Login(config, uidp);
    case "saml": {
      const { SamlLogin } = await import("./saml.ts");
      return new SamlLogin(config, uidp);
    }
    case "ldap": {
      const { LdapLogin } = await import("./ldap.ts");
      return new LdapLogin(uidp);
    }
  }
}
