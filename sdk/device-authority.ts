import { backoffMs } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { DeviceCode, DeviceIdentity, IdentityStore } from "./device-identity.ts";
import {
  type EndpointAnswer,
  type EndpointCaller,
  requestDeviceCode,
  requestToken,
  type TokenGrant,
} from "./token-endpoint.ts";

/** What a device may do right now, and until when. */
export interface Access {
  readonly token: string;
  /** `ws(s)://…/mqtt/{sealed route}`. */
  readonly gatewayUri: string;
  readonly expiresAtMs: number;
  /** When to ask for the next one: before the end, spread over a fleet. */
  readonly renewAtMs: number;
}

/** Where a device is in its life (FIRMWARE.md §1 "Lifecycle"). */
export type AuthorityState = "waiting" | "refreshing" | "backoff" | "refused";

/** The device's memory, network and time. */
export interface DeviceAuthorityOptions {
  readonly store: IdentityStore;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly onState?: (state: AuthorityState) => void;
}

const DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";
const ONCE_A_DAY_MS = 86_400_000;

/**
 * The OAuth half of a device: waits for an owner, and keeps a fresh access token while there is one.
 *
 * A new refresh token is stored before anything is done with the answer it came in. When storing fails or the
 * process dies in between, the old token (or the device code) brings the same successor again, so nothing is lost.
 *
 * @see IDENTITY.md §2.C steps 1 and 7, §2.D, §2.E; RFC 8628
 */
export class DeviceAuthority {
  readonly #options: DeviceAuthorityOptions;
  #loaded: DeviceIdentity | undefined;
  #access: Access | undefined;

  constructor(options: DeviceAuthorityOptions) {
    this.#options = options;
  }

  async identity(): Promise<DeviceIdentity> {
    this.#loaded ??= await this.#options.store.load();
    return this.#loaded;
  }

  /**
   * Asks for device codes and polls until somebody owns the device.
   * @returns `undefined` only when `signal` aborted.
   */
  async awaitClaim(signal: AbortSignal): Promise<Access | undefined> {
    for (let failures = 0; !signal.aborted; ) {
      const step = await this.#claimStep(signal, failures);
      if (step === "failed") failures += 1;
      else if (step === "progress") failures = 0;
      else return step;
    }
    return undefined;
  }

  /**
   * An access token that is good for now.
   * @param refused the gateway has just refused the one we had.
   * @returns `undefined` when nobody owns the device (any more) or `signal` aborted.
   */
  async access(signal: AbortSignal, { refused = false } = {}): Promise<Access | undefined> {
    const { clock } = this.#options;
    if (refused) this.#access = undefined;
    if (this.#access !== undefined && clock.now() < this.#access.renewAtMs) return this.#access;

    for (let failures = 0; !signal.aborted; failures += 1) {
      const identity = await this.identity();
      if (identity.refreshToken === undefined) return undefined;
      this.#options.onState?.("refreshing");
      const answer = await requestToken(this.#caller(identity), identity.tokenEndpoint, {
        grant_type: "refresh_token",
        refresh_token: identity.refreshToken,
      });
      if (signal.aborted) return undefined;
      if (answer.kind === "granted" && (await this.#keep(answer.granted))) return this.#access;
      if (answer.kind === "refused" && answer.error === "invalid_grant") {
        await this.#forget();
        return undefined;
      }
      // A token that still has some life left is better than none while the server cannot be reached.
      if (this.#access !== undefined && clock.now() < this.#access.expiresAtMs - 5000) {
        const { expiresAtMs } = this.#access;
        const renewAtMs = Math.min(expiresAtMs, clock.now() + this.#backoff(failures, answer));
        this.#access = { ...this.#access, renewAtMs };
        return this.#access;
      }
      await this.#pause(signal, failures, answer);
    }
    return undefined;
  }

  async #claimStep(
    signal: AbortSignal,
    failures: number,
  ): Promise<Access | undefined | "progress" | "failed"> {
    const identity = await this.identity();
    if (identity.refreshToken !== undefined) return await this.access(signal);
    const pending = identity.deviceCode;
    if (pending === undefined || pending.expiresAtMs <= this.#options.clock.now()) {
      return await this.#askForDeviceCode(signal, failures);
    }

    this.#options.onState?.("waiting");
    await this.#options.clock.sleep(pending.intervalSeconds * 1000, signal);
    if (signal.aborted) return undefined;
    const answer = await requestToken(this.#caller(identity), identity.tokenEndpoint, {
      grant_type: DEVICE_CODE_GRANT,
      device_code: pending.code,
    });
    if (answer.kind === "granted") {
      if (await this.#keep(answer.granted)) return this.#access;
      await this.#pause(signal, failures, answer);
      return "failed";
    }
    if (answer.kind === "refused") {
      switch (answer.error) {
        case "authorization_pending":
          return "progress";
        case "slow_down": // RFC 8628 §3.5: this and all later polls wait 5 s longer
          await this.#store({ deviceCode: { ...pending, intervalSeconds: pending.intervalSeconds + 5 } });
          return "progress";
        case "expired_token":
        case "access_denied":
        case "invalid_grant":
          await this.#store({ deviceCode: undefined });
          return "progress";
      }
    }
    await this.#pause(signal, failures, answer);
    return "failed";
  }

  async #askForDeviceCode(signal: AbortSignal, failures: number): Promise<"progress" | "failed"> {
    const identity = await this.identity();
    const answer = await requestDeviceCode(this.#caller(identity), identity.deviceAuthorizationEndpoint);
    if (answer.kind === "granted") {
      const { deviceCode: code, expiresInSeconds, intervalSeconds } = answer.granted;
      const expiresAtMs = this.#options.clock.now() + expiresInSeconds * 1000;
      const deviceCode: DeviceCode = { code, expiresAtMs, intervalSeconds };
      if (await this.#store({ deviceCode })) return "progress";
    }
    await this.#pause(signal, failures, answer);
    return "failed";
  }

  /** Stores first, uses second. @returns whether the answer may be used. */
  async #keep(granted: TokenGrant): Promise<boolean> {
    const { refreshToken, accessToken: token, expiresInSeconds, gatewayUri } = granted;
    const { refreshToken: known, deviceCode } = await this.identity();
    if (refreshToken === undefined && known === undefined) return false; // a claim without ownership is no claim
    if ((refreshToken !== undefined && refreshToken !== known) || deviceCode !== undefined) {
      if (!(await this.#store({ refreshToken: refreshToken ?? known, deviceCode: undefined }))) return false;
    }
    const lifeMs = expiresInSeconds * 1000;
    const expiresAtMs = this.#options.clock.now() + lifeMs;
    const renewAtMs = expiresAtMs - Math.min(60_000, lifeMs / 5) * (1 + this.#options.random());
    this.#access = { token, gatewayUri, expiresAtMs, renewAtMs };
    return true;
  }

  async #forget(): Promise<void> {
    this.#access = undefined;
    await this.#store({ refreshToken: undefined, deviceCode: undefined });
  }

  async #store(change: {
    readonly deviceCode?: DeviceCode | undefined;
    readonly refreshToken?: string | undefined;
  }): Promise<boolean> {
    const { deviceCode, refreshToken, ...rest } = { ...(await this.identity()), ...change };
    const next: DeviceIdentity = {
      ...rest,
      ...(deviceCode === undefined ? {} : { deviceCode }),
      ...(refreshToken === undefined ? {} : { refreshToken }),
    };
    try {
      await this.#options.store.save(next);
    } catch {
      return false; // disk full, or gone: the old identity still stands, in memory as on disk
    }
    this.#loaded = next;
    return true;
  }

  async #pause(signal: AbortSignal, failures: number, answer: EndpointAnswer<unknown>): Promise<void> {
    const refused = answer.kind === "refused" && answer.error === "invalid_client";
    this.#options.onState?.(refused ? "refused" : "backoff");
    await this.#options.clock.sleep(refused ? ONCE_A_DAY_MS : this.#backoff(failures, answer), signal);
  }

  #backoff(failures: number, answer: EndpointAnswer<unknown>): number {
    const retryAfterSeconds = answer.kind === "unavailable" ? answer.retryAfterSeconds : undefined;
    return backoffMs(failures, this.#options.random(), {
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    });
  }

  #caller({ clientId, clientSecret }: DeviceIdentity): EndpointCaller {
    return { fetch: this.#options.fetch, clock: this.#options.clock, clientId, clientSecret };
  }
}
