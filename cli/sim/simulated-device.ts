import { findProduct, type Product } from "../../demo/products.ts";
import type { CommandReply } from "../../sdk/command.ts";
import { Device, DeviceEnded, type DeviceState, NotOwned } from "../../sdk/device.ts";
import type { DeviceIdentity, IdentityStore } from "../../sdk/device-identity.ts";
import type { SampleValue } from "../../sdk/senml.ts";

/** Which device it is, and who is told what happens to it. */
export interface SimulatedDeviceOptions {
  readonly identity: DeviceIdentity;
  readonly store: IdentityStore;
  /** What time it is where it stands, seconds since 1970; now when absent. */
  readonly sampleTime?: () => number;
  readonly onState?: (state: DeviceState) => void;
  readonly onCommand?: (name: string, reply: CommandReply) => void;
}

/** A device that exists only as a program: one product's sensors, a light that apps may switch, and what it shows. */
export class SimulatedDevice {
  readonly name: string;
  readonly product: Product;
  readonly #device: Device;
  #led = false;

  /** @throws RangeError when the identity is of a product that the demo does not make. */
  constructor({ identity, store, sampleTime, onState, onCommand }: SimulatedDeviceOptions) {
    const product = findProduct(identity.product);
    if (product === undefined) throw new RangeError(`no such product: ${identity.product}`);
    this.name = identity.name;
    this.product = product;
    this.#device = new Device({
      store,
      model: product.model,
      commands: {
        led: (value) => {
          if (typeof value !== "boolean") throw new TypeError("led takes true or false");
          this.#led = value;
          return value;
        },
        ...Object.fromEntries((product.shows ?? []).map((property) => [property, shown])),
      },
      ...(sampleTime === undefined ? {} : { sampleTime }),
      onState: (state) => {
        // The light is off after a start; what only shows what it was told has nothing to say of its own.
        if (state === "online" && "led" in product.model.properties && !product.shows?.includes("led"))
          void this.publish("led", this.#led);
        onState?.(state);
      },
      ...(onCommand === undefined ? {} : { onCommand }),
    });
  }

  get state(): DeviceState {
    return this.#device.state;
  }

  /** The properties that it measures; the light, and what it only shows, are not among them. */
  get measured(): readonly string[] {
    const { model, shows = [] } = this.product;
    return Object.keys(model.properties).filter(
      (property) => property !== "led" && !shows.includes(property),
    );
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#device.run(signal);
  }

  /** Resolves when somebody owns it; `false` when it was stopped before. */
  async owned(): Promise<boolean> {
    try {
      await this.#device.owned();
      return true;
    } catch (error) {
      if (error instanceof DeviceEnded) return false;
      throw error;
    }
  }

  /** @returns whether the sample was delivered; without an owner it is dropped. */
  async publish(property: string, value: SampleValue, timeSeconds?: number): Promise<boolean> {
    try {
      // Acknowledged, so that a count of what was published is a count of what arrived.
      await this.#device.publish(property, value, {
        qos: 1,
        ...(timeSeconds !== undefined && { timeSeconds }),
      });
      return true;
    } catch (error) {
      if (error instanceof NotOwned || error instanceof DeviceEnded) return false;
      throw error;
    }
  }
}

/** A display: whatever it is told is what it shows. @throws TypeError when it is told nothing. */
function shown(value: SampleValue | null): SampleValue {
  if (value === null) throw new TypeError("a display takes a value");
  return value;
}
