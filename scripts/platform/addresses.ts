import net from "node:net";

/** Where the parts of one local platform listen; all on 127.0.0.1. */
export interface Addresses {
  readonly gateway: string;
  /** The gateway's raw TCP listener. */
  readonly mqtt: string;
  readonly didp: string;
  readonly uidp: string;
  readonly sampleApp: string;
}

/** MQTT over TCP has a port of its own (IANA). */
export const MQTT_PORT = 1883;

/** @param firstPort 1..65532; gateway, DIdP, demo login and sample app follow each other from here. */
export function addressesFrom(firstPort: number, mqttPort: number = MQTT_PORT): Addresses {
  return {
    gateway: `http://127.0.0.1:${firstPort}`,
    didp: `http://127.0.0.1:${firstPort + 1}`,
    uidp: `http://127.0.0.1:${firstPort + 2}`,
    sampleApp: `http://127.0.0.1:${firstPort + 3}`,
    mqtt: `mqtt://127.0.0.1:${mqttPort}`,
  };
}

/** @returns the parts whose port somebody else listens on. */
export async function takenParts(addresses: Addresses): Promise<readonly (keyof Addresses)[]> {
  const parts = Object.keys(addresses) as (keyof Addresses)[]; // an Addresses has exactly these
  const taken = await Promise.all(parts.map(async (part) => !(await isFree(portOf(addresses[part])))));
  return parts.filter((_, index) => taken[index]);
}

export function portOf(address: string): number {
  return Number(new URL(address).port);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
