import type { Platform } from "./platform.ts";

/** What a factory holds after registering one device. */
export interface MadeDevice {
  readonly client_id: string;
  readonly client_secret: string;
  readonly registration_access_token: string;
  readonly registration_client_uri: string;
  readonly user_registration_uri: string;
  readonly user_code: string;
  readonly mqtt_token_endpoint: string;
}

export const DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";
export const SOFTWARE_ID = "room-sensor";

/** Describes a product and gets a token to register devices of it. */
export async function openFactory(
  platform: Platform,
  options: { maxCount?: number; softwareId?: string; batch?: string } = {},
) {
  const { maxCount = 1000, softwareId = SOFTWARE_ID } = options;
  const operator = {
    authorization: `Bearer ${platform.operatorToken}`,
    "content-type": "application/json",
  };
  const put = await fetch(`${platform.didp}/v1/ops/products/${softwareId}`, {
    method: "PUT",
    headers: operator,
    body: JSON.stringify({
      title: "Room sensor",
      manufacturer: "acme",
      model: {
        title: "Room sensor",
        properties: { temperature: { title: "Temperature", unit: "Cel" } },
        actions: { lamp: { title: "Lamp" } },
      },
    }),
  });
  if (put.status !== 200) throw new Error(`product: ${put.status}`);
  const answer = await fetch(`${platform.didp}/v1/ops/initial-access-tokens`, {
    method: "POST",
    headers: operator,
    body: JSON.stringify({
      manufacturer: "acme",
      models: [softwareId],
      max_count: maxCount,
      expires_in: 3600,
      ...(options.batch === undefined ? {} : { batch: options.batch }),
    }),
  });
  if (answer.status !== 201) throw new Error(`initial access token: ${answer.status}`);
  const { initial_access_token: token } = (await answer.json()) as { initial_access_token: string };

  const register = (fields: Readonly<Record<string, unknown>> = {}, headers: Record<string, string> = {}) =>
    fetch(`${platform.didp}/register`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
      body: JSON.stringify({
        client_name: "Sensor",
        software_id: softwareId,
        software_version: "1.0",
        grant_types: [DEVICE_CODE_GRANT, "refresh_token"],
        token_endpoint_auth_method: "client_secret_basic",
        ...fields,
      }),
    });
  return {
    token,
    register,
    async make(fields: Readonly<Record<string, unknown>> = {}): Promise<MadeDevice> {
      const made = await register(fields);
      if (made.status !== 201) throw new Error(`register: ${made.status} ${await made.text()}`);
      return (await made.json()) as MadeDevice;
    },
  };
}

/** `POST` of a form with the device's own credential. */
export function asDevice(platform: Platform, device: MadeDevice) {
  const basic = btoa(`${encodeURIComponent(device.client_id)}:${encodeURIComponent(device.client_secret)}`);
  return (path: string, fields: Readonly<Record<string, string>>) =>
    fetch(`${platform.didp}${path}`, {
      method: "POST",
      headers: { authorization: `Basic ${basic}` },
      body: new URLSearchParams(fields),
    });
}

/** A token answer, or an error. */
export interface TokenAnswer {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly expires_in: number;
  readonly scope: string;
  readonly gateway_uri: string;
  readonly error?: string;
}

export async function tokenAnswer(response: Promise<Response>): Promise<TokenAnswer & { status: number }> {
  const answer = await response;
  return { ...((await answer.json()) as TokenAnswer), status: answer.status };
}
