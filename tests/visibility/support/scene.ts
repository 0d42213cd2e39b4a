import { randomBytes } from "node:crypto";
import { Person } from "../../../cli/sim/person.ts";
import type { DeviceIdentity } from "../../../sdk/device-identity.ts";
import type { Factory, Unit } from "../../../sdk/factory.ts";
import { DeviceClient, type DeviceTokens } from "../../support/owned-device.ts";
import type { Canaries, CanaryName } from "./canary-names.ts";
import { as, fetchFrom } from "./network.ts";
import type { ObservedPlatform } from "./observed-platform.ts";
import { Operator } from "./operator.ts";

/** A full run under way: the observed platform, and what has been planted in it so far. */
export class Scene {
  readonly platform: ObservedPlatform;
  readonly factory: Factory;
  readonly operator: Operator;
  readonly #planted = new Map<CanaryName, string[]>();

  constructor(platform: ObservedPlatform, factory: Factory) {
    this.platform = platform;
    this.factory = factory;
    this.operator = new Operator(platform.addresses.didp, platform.secrets.operatorToken);
  }

  /** From now on these are looked for everywhere. */
  plant(name: CanaryName, ...values: readonly string[]): void {
    this.#planted.set(name, [...(this.#planted.get(name) ?? []), ...values]);
  }

  get canaries(): Canaries {
    return Object.fromEntries(this.#planted) as Partial<Canaries> as Canaries; // `measure` refuses a row without one
  }

  person(login: string): Person {
    return new Person({ login, fetch: fetchFrom("owner") });
  }

  /** A word that stands nowhere else. */
  word(kind: string): string {
    return `${kind}-${randomBytes(6).toString("hex")}`;
  }

  /** A unit with a serial number, as its factory makes it and as it then is. */
  async make(change: Partial<Unit> = {}, factory = this.factory): Promise<DeviceIdentity> {
    const serial = this.word("serial");
    const unit: Unit = { name: "n", product: "room-node", title: "Room node", deviceRef: serial, ...change };
    const identity = await as("manufacturer", () => factory.register(unit));
    this.plantDevice(identity);
    this.plant("hardware", serial);
    const { captures } = this.platform;
    captures.add("manufacturer", "seen", serial);
    captures.add("device", "kept", `${serial} ${identity.clientId} ${identity.clientSecret}`);
    return identity;
  }

  plantDevice({
    clientId,
    clientSecret,
    userCode,
  }: Pick<DeviceIdentity, "clientId" | "clientSecret" | "userCode">) {
    this.plant("deviceClientId", clientId);
    this.plant("deviceSecret", clientSecret);
    this.plant("claimCode", userCode);
  }

  /** Claimed by its label and online once. */
  async own(
    identity: DeviceIdentity,
    owner: Person,
  ): Promise<{ client: DeviceClient; tokens: DeviceTokens; name: string }> {
    const client = new DeviceClient(this.platform.addresses.didp, identity);
    const name = this.word("named");
    const code = await as("device", () => client.switchOn());
    await owner.claim(new URL(identity.userRegistrationUri), { deviceName: name });
    const tokens = await this.tokensOf(() => client.poll(code));
    this.plant("deviceName", name);
    return { client, tokens, name };
  }

  /** What a device is given, planted. */
  async tokensOf(ask: () => Promise<DeviceTokens>): Promise<DeviceTokens> {
    const tokens = await as("device", ask);
    this.plant("deviceTokens", tokens.accessToken, tokens.refreshToken);
    return tokens;
  }
}
