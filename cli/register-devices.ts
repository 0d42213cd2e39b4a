import { findProduct, type Product, products } from "../demo/products.ts";
import type { DeviceIdentity } from "../sdk/device-identity.ts";
import { Factory } from "../sdk/factory.ts";
import { CliError, exitCodes } from "./cli-error.ts";
import { labelSvg } from "./labels.ts";
import { Operator } from "./operator.ts";
import type { Workspace } from "./workspace.ts";

/** One unit to make. */
export interface WantedDevice {
  readonly name: string;
  /** A product of `demo/products.ts`. */
  readonly product: string;
}

/** A unit that is made, and where its label lies. */
export interface RegisteredDevice {
  readonly identity: DeviceIdentity;
  readonly labelPath: string;
}

/**
 * A manufacturing run: makes the products known, gets an initial access token, and registers every unit; each
 * identity and label is on disk before the next unit is begun, so an interrupted run loses none.
 */
export async function* registerDevices(
  workspace: Workspace,
  wanted: readonly WantedDevice[],
): AsyncGenerator<RegisteredDevice> {
  const { didp } = await workspace.platform();
  const operator = new Operator({ didp, operatorToken: await workspace.operatorToken() });
  const needed = [...new Set(wanted.map(({ product }) => product))].map(productOrError);
  for (const product of needed) await operator.putProduct(product);
  if (needed.length === 0) return;
  const initialAccessToken = await operator.initialAccessToken(needed, wanted.length);
  const factory = new Factory({ didp, initialAccessToken });
  for (const { name, product } of wanted) {
    const { model } = productOrError(product);
    const identity = await factory.register({ name, product, title: model.title });
    await workspace.deviceStore(name).save(identity);
    yield { identity, labelPath: await workspace.writeLabel(name, labelSvg(identity)) };
  }
}

/** @throws CliError 2 with the products that there are. */
export function productOrError(id: string): Product {
  const product = findProduct(id);
  if (product !== undefined) return product;
  throw new CliError(
    exitCodes.usage,
    `there is no model ${id}`,
    `Models: ${products.map((known) => known.id).join(", ")}`,
  );
}

/** `room-node-1`, `room-node-2`, … passing over the names that are taken. */
export async function freeNames(
  workspace: Workspace,
  stem: string,
  count: number,
): Promise<readonly string[]> {
  const taken = new Set((await workspace.devices()).map(({ name }) => name));
  const names: string[] = [];
  for (let number = 1; names.length < count; number += 1) {
    const name = `${stem}-${number}`;
    if (!taken.has(name)) names.push(name);
  }
  return names;
}
