import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { logInAsOwner } from "../../../cli/owner-login.ts";
import type { Person } from "../../../cli/sim/person.ts";
import { addressesFrom } from "../../../scripts/platform/addresses.ts";
import { type Platform, startPlatform } from "../../../scripts/platform/platform.ts";
import type { Factory } from "../../../sdk/factory.ts";
import { makeDevice, openFactory } from "../../support/manufacturer.ts";
import { DeviceClient, type DeviceTokens } from "../../support/owned-device.ts";
import { mutating } from "../../visibility/support/mutants.ts";

/** An operator's whole platform, with a maker who registers devices there; its DIdP notes what it is shown. */
export class Operator {
  readonly gateway: string;
  readonly didp: string;
  readonly platform: Platform;
  readonly factory: Factory;
  #isStopped = false;

  private constructor(platform: Platform, factory: Factory) {
    this.gateway = platform.addresses.gateway;
    this.didp = platform.addresses.didp;
    this.platform = platform;
    this.factory = factory;
  }

  /** @param firstPort the first of five free ports. */
  static async start(firstPort: number, settings: Readonly<Record<string, string>>): Promise<Operator> {
    const platform = await startPlatform({
      addresses: addressesFrom(firstPort, firstPort + 4),
      stateDir: mkdtempSync(path.join(tmpdir(), "edgenym-federation-")),
      settings: { DEVICE_POLL_SECONDS: "1", APP_REGISTRATIONS_PER_MINUTE: "1000", ...settings },
      plugins: [noting],
    });
    return new Operator(platform, await openFactory(platform.addresses.didp, platform.secrets.operatorToken));
  }

  get mqtt(): string {
    return `${this.gateway.replace("http", "ws")}/mqtt`;
  }

  get tcpPort(): number {
    return Number(new URL(this.platform.addresses.mqtt).port);
  }

  /** How this operator's gateway is entered in another's `EXTERNAL_GATEWAYS`: what docs/several-didps.md says to do. */
  async gatewayEntry(): Promise<object> {
    const url = `${this.gateway}/.well-known/oauth-protected-resource`;
    const { resource, jwks_uri } = (await (await fetch(url)).json()) as Record<string, string>; // RFC 9728
    const jwks = await (await fetch(String(jwks_uri))).json();
    return { uri: resource, jwks, push_uri: `${resource}/security-events` };
  }

  /** A device that its maker registers here and this person claims here; for the gateway that is named. */
  async ownedDevice(
    owner: Person,
    name: string,
    gateway: string,
  ): Promise<DeviceTokens & { readonly client: DeviceClient }> {
    const client = new DeviceClient(this.didp, await makeDevice(this.factory, name));
    const deviceCode = await client.switchOn({ resource: gateway });
    await owner.claim(new URL(client.identity.userRegistrationUri), { deviceName: name });
    return { client, ...(await client.poll(deviceCode)) };
  }

  /** A token of the owner's own tools. */
  async ownerToken(owner: Person, gateway: string): Promise<string> {
    const redirectUri = "http://127.0.0.1/callback";
    const visit = (url: URL) => owner.consent(url, redirectUri);
    return (await logInAsOwner(this.didp, redirectUri, visit, gateway)).accessToken;
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    await this.platform.stop();
  }

  /** Everything that this DIdP was ever asked about, after `stop`. */
  shown(): string {
    return readFileSync(path.join(this.platform.stateDir, "log.jsonl"), "utf8")
      .split("\n")
      .filter((line) => line.includes('"shown"'))
      .join("\n");
  }

  remove(): void {
    rmSync(this.platform.stateDir, { recursive: true, force: true });
  }
}

/** Every token and ticket that a DIdP is asked about passes here, by RPC and over HTTP. */
const noting = mutating([
  {
    edits: [
      {
        file: "workers/didp/src/registries.ts",
        find: "export function registryFor(env: DidpEnv, id: string | undefined) {",
        replace: `export function registryFor(env: DidpEnv, id: string | undefined) {
          console.log(JSON.stringify({ worker: "didp", shown: id }));`,
      },
    ],
  },
]);
