/** How to log in where people have accounts but no OpenID provider in the full sense. */
export interface OAuth2Preset {
  readonly issuer: string;
  readonly authorization: string;
  readonly token: string;
  /** Tells who has logged in. `undefined`: an ID token does (the issuer is an OpenID provider). */
  readonly user?: string;
  /** The least that lets `user` answer. */
  readonly scope: string;
  /** Where in its answer the id stands that never changes; names and addresses do. */
  readonly subject: readonly string[];
  readonly clientAuthentication: "client_secret_basic" | "client_secret_post";
  /** What makes it ask the person once more, as far as it can be made to; nothing in its answer tells whether it did. */
  readonly again: Readonly<Record<string, string>>;
}

export type OAuth2PresetName = "github" | "google" | "facebook" | "x";

/**
 * As the providers document them; `endpoints` of the setting goes over each. Looked up in November 2026.
 */
export const oauth2Presets: Readonly<Record<OAuth2PresetName, OAuth2Preset>> = {
  // No scope: what everybody may see, of which `id` is read.
  github: {
    issuer: "https://github.com/login/oauth",
    authorization: "https://github.com/login/oauth/authorize",
    token: "https://github.com/login/oauth/access_token",
    user: "https://api.github.com/user",
    scope: "",
    subject: ["id"],
    clientAuthentication: "client_secret_post",
    again: { prompt: "select_account" },
  },
  google: {
    issuer: "https://accounts.google.com",
    authorization: "https://accounts.google.com/o/oauth2/v2/auth",
    token: "https://oauth2.googleapis.com/token",
    scope: "openid",
    subject: ["sub"],
    clientAuthentication: "client_secret_basic",
    again: {}, // as OpenID Connect has it
  },
  // The id differs from app to app. An app of Facebook's gets `public_profile` whether it asks or not.
  facebook: {
    issuer: "https://www.facebook.com",
    authorization: "https://www.facebook.com/v21.0/dialog/oauth",
    token: "https://graph.facebook.com/v21.0/oauth/access_token",
    user: "https://graph.facebook.com/v21.0/me?fields=id",
    scope: "public_profile",
    subject: ["id"],
    clientAuthentication: "client_secret_post",
    again: { auth_type: "reauthenticate" },
  },
  // `/2/users/me` answers only if both scopes are there.
  x: {
    issuer: "https://x.com",
    authorization: "https://x.com/i/oauth2/authorize",
    token: "https://api.x.com/2/oauth2/token",
    user: "https://api.x.com/2/users/me",
    scope: "users.read tweet.read",
    subject: ["data", "id"],
    clientAuthentication: "client_secret_basic",
    again: {},
  },
};
