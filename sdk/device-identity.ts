/**
 * Everything a device must still know after a power cut. What is not in here is lost with the process: the access
 * token is short-lived and is fetched again.
 */
export interface DeviceIdentity {
  /** What the factory calls it; never sent anywhere. */
  readonly name: string;
  /** The product's `software_id`. */
  readonly product: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly tokenEndpoint: string;
  readonly deviceAuthorizationEndpoint: string;
  readonly registrationClientUri: string;
  readonly registrationAccessToken: string;
  /** The text of the QR label. */
  readonly userRegistrationUri: string;
  /** The same for people who type. */
  readonly userCode: string;
  /** Random, chosen once; says nothing about the hardware. */
  readonly mqttClientId: string;
  /** Waiting for an owner: kept so that a claim whose answer was lost is still collected after a restart. */
  readonly deviceCode?: DeviceCode;
  /** Present while somebody owns the device. */
  readonly refreshToken?: string;
}

/** A pending device authorization (RFC 8628 §3.2). */
export interface DeviceCode {
  readonly code: string;
  readonly expiresAtMs: number;
  readonly intervalSeconds: number;
}

/** Where one device's identity lives. `save` is atomic: after a crash `load` gives the old or the new one. */
export interface IdentityStore {
  /** @throws Error when there is none or it cannot be read. */
  load(): Promise<DeviceIdentity>;
  save(identity: DeviceIdentity): Promise<void>;
  /**
   * Takes the identity for this program alone: two that run one device would push each other off the gateway, and
   * use each other's refresh tokens up.
   * @returns how to give it back; `undefined` while another program has it.
   */
  lock?(): Promise<(() => Promise<void>) | undefined>;
}

/** A store that forgets with the process: for tests and for load runs with their own file. */
export class MemoryIdentityStore implements IdentityStore {
  #identity: DeviceIdentity;

  constructor(identity: DeviceIdentity) {
    this.#identity = identity;
  }

  async load(): Promise<DeviceIdentity> {
    return this.#identity;
  }

  async save(identity: DeviceIdentity): Promise<void> {
    this.#identity = identity;
  }
}
