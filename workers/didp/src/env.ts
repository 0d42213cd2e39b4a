/** One login of a person's, to the month; `uidpId` is absent if its provider is not configured any more. */
export interface LinkedLogin {
  readonly reference: string;
  readonly uidpId: string | undefined;
  readonly sinceMs: number;
}

/** Settings that need not be there; config.ts says what each means. */
interface DidpSettings {
  readonly EXTERNAL_GATEWAYS?: string;
  readonly ALLOW_LOOPBACK_CLIENT_DOCUMENTS?: string;
  readonly DEVICE_POLL_SECONDS?: string;
  readonly APP_REGISTRATIONS_PER_MINUTE?: string;
  readonly CLAIM_TRIES_PER_MINUTE?: string;
}

/** What the DIdP is given: the bindings of its wrangler.toml, as generated from it, and its settings. */
export type DidpEnv = DidpBindings & DidpSettings;
