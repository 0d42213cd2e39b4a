import * as oauth from "oauth4webapi";
import type { Person } from "../../cli/sim/person.ts";
import type { DeviceIdentity } from "../../sdk/device-identity.ts";
import type { Factory } from "../../sdk/factory.ts";
import { makeDevice } from "./manufacturer.ts";

const local = { [oauth.allowInsecureRequests]: true } as const;

/** A device's side of OAuth, driven by a strict client (RFC 8628, RFC 6749 §6). */
export class DeviceClient {
  readonly identity: DeviceIdentity;
  readonly #server: oauth.AuthorizationServer;
  readonly #client: oauth.Client;
  readonly #authentication: oauth.ClientAuth;

  constructor(didp: string, identity: DeviceIdentity) {
    this.identity = identity;
    this.#server = {
      issuer: didp,
      token_endpoint: identity.tokenEndpoint,
      device_authorization_endpoint: identity.deviceAuthorizationEndpoint,
      revocation_endpoint: new URL("/revoke", didp).href,
    };
    this.#client = { client_id: identity.clientId };
    this.#authentication = oauth.ClientSecretBasic(identity.clientSecret);
  }

  /** Switched on: waits for an owner. @param parameters such as `resource`. @returns the device code. */
  async switchOn(parameters: Readonly<Record<string, string>> = {}): Promise<string> {
    const { device_code } = await oauth.processDeviceAuthorizationResponse(
      this.#server,
      this.#client,
      await oauth.deviceAuthorizationRequest(
        this.#server,
        this.#client,
        this.#authentication,
        { ...parameters },
        local,
      ),
    );
    return device_code;
  }

  /** @throws oauth.ResponseBodyError with the error that the DIdP answered. */
  async poll(deviceCode: string): Promise<DeviceTokens> {
    return tokensFrom(
      await oauth.processDeviceCodeResponse(
        this.#server,
        this.#client,
        await oauth.deviceCodeGrantRequest(
          this.#server,
          this.#client,
          this.#authentication,
          deviceCode,
          local,
        ),
      ),
    );
  }

  async refresh(refreshToken: string): Promise<DeviceTokens> {
    return tokensFrom(
      await oauth.processRefreshTokenResponse(
        this.#server,
        this.#client,
        await oauth.refreshTokenGrantRequest(
          this.#server,
          this.#client,
          this.#authentication,
          refreshToken,
          local,
        ),
      ),
    );
  }

  /** Reset at the device. */
  async revoke(token: string): Promise<void> {
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(this.#server, this.#client, this.#authentication, token, local),
    );
  }
}

export interface DeviceTokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** `ws://…/mqtt/{route}`. */
  readonly gatewayUri: string;
}

/** From the factory to a device that somebody owns and that has its first tokens. */
export async function ownedDevice(
  didp: string,
  factory: Factory,
  owner: Person,
  name: string,
  product?: string,
): Promise<DeviceTokens & { client: DeviceClient }> {
  const client = new DeviceClient(didp, await makeDevice(factory, name, product));
  const deviceCode = await client.switchOn();
  await owner.claim(new URL(client.identity.userRegistrationUri), { deviceName: name });
  return { client, ...(await client.poll(deviceCode)) };
}

function tokensFrom(answer: oauth.TokenEndpointResponse): DeviceTokens {
  return {
    accessToken: answer.access_token,
    refreshToken: String(answer.refresh_token),
    gatewayUri: String(answer.gateway_uri),
  };
}
