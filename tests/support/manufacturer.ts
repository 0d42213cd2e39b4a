import { products } from "../../demo/products.ts";
import type { DeviceIdentity } from "../../sdk/device-identity.ts";
import { Factory } from "../../sdk/factory.ts";

/** Puts the demo's products on a platform and gets a factory an initial access token, as its operator would. */
export async function openFactory(didp: string, operatorToken: string): Promise<Factory> {
  const ask = async (method: string, path: string, body: unknown) => {
    const response = await fetch(`${didp}${path}`, {
      method,
      headers: { authorization: `Bearer ${operatorToken}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  for (const { id, manufacturer, model } of products) {
    await ask("PUT", `/v1/ops/products/${id}`, { title: model.title, manufacturer, model });
  }
  const { initial_access_token: initialAccessToken } = (await ask("POST", "/v1/ops/initial-access-tokens", {
    manufacturer: products[0]?.manufacturer,
    models: products.map(({ id }) => id),
    max_count: 1000,
    expires_in: 3600,
  })) as { initial_access_token: string }; // the answer of that endpoint
  return new Factory({ didp, initialAccessToken });
}

/** A unit fresh from the line. */
export function makeDevice(factory: Factory, name: string, product = "room-node"): Promise<DeviceIdentity> {
  return factory.register({ name, product, title: name });
}
