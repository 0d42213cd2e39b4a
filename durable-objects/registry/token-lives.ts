import type { GrantKind } from "./grant.ts";

/** How long an access token lives, in milliseconds. */
export type TokenLives = Readonly<Record<GrantKind, number>>;

const DAY_SECONDS = 24 * 3600;
const defaults: Readonly<Record<GrantKind, number>> = { device: 3600, app: 600, owner: 3600 };

/** @throws RangeError naming the setting that is no number of seconds from 1 to a day. */
export function tokenLivesFrom(env: {
  readonly DEVICE_TOKEN_SECONDS?: string;
  readonly APP_TOKEN_SECONDS?: string;
  readonly OWNER_TOKEN_SECONDS?: string;
}): TokenLives {
  const lifeMs = (setting: keyof typeof env, kind: GrantKind) => {
    const seconds = Number(env[setting] ?? defaults[kind]);
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > DAY_SECONDS) {
      throw new RangeError(`${setting}: seconds, 1 to ${DAY_SECONDS}`);
    }
    return seconds * 1000;
  };
  return {
    device: lifeMs("DEVICE_TOKEN_SECONDS", "device"),
    app: lifeMs("APP_TOKEN_SECONDS", "app"),
    owner: lifeMs("OWNER_TOKEN_SECONDS", "owner"),
  };
}
