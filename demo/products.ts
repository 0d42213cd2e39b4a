import type { DeviceModel } from "../engines/oauth/authority.ts";

/** A product of the demo's manufacturer: what one registers at the DIdP before making units of it. */
export interface Product {
  /** `software_id` of its registrations. */
  readonly id: string;
  readonly manufacturer: string;
  readonly model: DeviceModel;
}

const light = {
  property: { led: { title: "Light" } },
  action: { led: { title: "Switch the light" } },
} as const;

function product(id: string, title: string, properties: DeviceModel["properties"]): Product {
  return {
    id,
    manufacturer: "Brightside Sensors",
    model: { title, properties: { ...properties, ...light.property }, actions: light.action },
  };
}

/** Every product of the demo; units are SenML's (RFC 8428 §12.1, RFC 8798). */
export const products: readonly Product[] = [
  product("room-node", "Room node", {
    temperature: { title: "Temperature", unit: "Cel" },
    light: { title: "Brightness", unit: "lx" },
    sound: { title: "Sound level", unit: "V" },
  }),
  product("co2-node", "CO₂ node", { co2: { title: "Carbon dioxide", unit: "ppm" } }),
  product("motion-node", "Motion node", { motion: { title: "Motion" } }),
  product("power-plug", "Power plug", { power: { title: "Power", unit: "W" } }),
];

/** @returns `undefined` for a product that the demo does not make. */
export function findProduct(id: string): Product | undefined {
  return products.find((candidate) => candidate.id === id);
}
