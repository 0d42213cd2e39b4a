import type { DeviceModel } from "../engines/oauth/authority.ts";

/** A product of the demo's manufacturer: what one registers at the DIdP before making units of it. */
export interface Product {
  /** `software_id` of its registrations. */
  readonly id: string;
  readonly manufacturer: string;
  readonly model: DeviceModel;
  /** The properties that it does not measure: the last command of the same name says what it shows, also after a restart. */
  readonly shows?: readonly string[];
}

const light = {
  property: { led: { title: "Light" } },
  action: { led: { title: "Switch the light" } },
} as const;

function product(
  id: string,
  title: string,
  properties: DeviceModel["properties"],
  shows: readonly string[] = [],
): Product {
  return {
    id,
    shows,
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
  product(
    "door-sign",
    "Door sign",
    {
      people: { title: "People" },
      agreement: { title: "Rule agrees with the count", unit: "%" },
      counts: { title: "Counts so far" },
    },
    ["people", "agreement", "counts", "led"], // also the lamp stays as it was told when the power goes
  ),
  {
    id: "head-counter",
    manufacturer: "Brightside Sensors",
    model: { title: "Head counter", properties: { people: { title: "People" } }, actions: {} },
  },
  product("power-plug", "Power plug", { power: { title: "Power", unit: "W" } }),
];

/** @returns `undefined` for a product that the demo does not make. */
export function findProduct(id: string): Product | undefined {
  return products.find((candidate) => candidate.id === id);
}
