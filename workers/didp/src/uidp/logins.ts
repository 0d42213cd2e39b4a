import type { Config } from "../config.ts";
import { OAuth2Login } from "./oauth2.ts";
import { oauth2Presets } from "./oauth2-presets.ts";
import { OidcLogin } from "./oidc.ts";
import type { Uidp } from "./settings.ts";
import type { UidpLogin } from "./uidp-login.ts";

/** The adapter of a login. SAML and LDAP are set up when the first person needs them, not at each cold start. */
export async function loginAt(config: Config, uidp: Uidp): Promise<UidpLogin> {
  switch (uidp.protocol) {
    case "oidc":
      return new OidcLogin(config, uidp);
    case "oauth2": {
      const preset = oauth2Presets[uidp.preset];
      if (preset.user !== undefined) return new OAuth2Login(config, uidp);
      const { endpoints, preset: _, ...rest } = uidp;
      return new OidcLogin(config, { ...rest, protocol: "oidc", issuer: endpoints?.issuer ?? preset.issuer });
    }
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
