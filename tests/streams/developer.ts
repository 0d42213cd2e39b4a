import { MqttPeer } from "../support/mqtt-peer.ts";
import { type AppTokens, ThirdPartyApp } from "../support/third-party-app.ts";
import type { Household } from "./household.ts";
import { nextMessage, publishReading, subscribe } from "./household.ts";

/** One result as `/v1/dev/results` answers it. */
export interface FleetResult {
  readonly number: number;
  readonly id: string;
  readonly stream: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** The developer of an app with a server of its own, on a running platform. */
export class Developer {
  readonly app: ThirdPartyApp;
  readonly #token: string;

  private constructor(app: ThirdPartyApp, token: string) {
    this.app = app;
    this.#token = token;
  }

  /** @param issuer which of the gateway's; the first if left out. */
  static async register(gateway: string, name: string, issuer?: string): Promise<Developer> {
    const app = await ThirdPartyApp.register(gateway, name, "client_secret_basic", issuer);
    return new Developer(app, await app.ownToken());
  }

  /** The HTTP API below `/v1/dev`. */
  api(method: string, path: string, body?: string | object): Promise<Response> {
    return fetch(`${this.app.gateway}/v1/dev${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        "content-type": typeof body === "object" ? "application/json" : "text/plain",
      },
      ...(body !== undefined && { body: typeof body === "object" ? JSON.stringify(body) : body }),
    });
  }

  async json(method: string, path: string, body?: string | object): Promise<Record<string, unknown>> {
    const response = await this.api(method, path, body);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Record<string, unknown>; // an object by the API's description
  }

  /** All results that are kept. */
  async results(): Promise<readonly FleetResult[]> {
    const all: FleetResult[] = [];
    for (let after = 0; ; ) {
      const page = await this.json("GET", `/results?after=${after}&limit=1000`);
      const results = page.results as FleetResult[]; // as described
      all.push(...results);
      if (results.length === 0) return all;
      after = Number(page.next);
    }
  }

  /** The results, as soon as they are as wanted; the test's own time limit ends the wait. */
  async until(isSo: (results: readonly FleetResult[]) => boolean): Promise<readonly FleetResult[]> {
    for (;;) {
      const results = await this.results();
      if (isSo(results)) return results;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Connects as the app, with one user's consent, and hears the names that the app has for their devices. */
  async connect(tokens: AppTokens): Promise<{ peer: MqttPeer; handles: readonly string[] }> {
    const peer = await MqttPeer.open({ url: tokens.gatewayUri }, 5);
    if (typeof peer === "number") throw new Error(`refused with ${peer}`);
    peer.connect(tokens.accessToken, { cleanStart: true });
    await peer.nextOf("connack");
    await subscribe(peer, "grant");
    const { json } = await nextMessage(peer);
    const { devices } = json as { devices: { handle: string }[] }; // MESSAGING.md §2
    return { peer, handles: devices.map(({ handle }) => handle) };
  }
}

/** The handle by which an owner's own cloud knows one of their devices. */
export async function handleOf(household: Household, device: string): Promise<string> {
  const owner = await household.connect("owner");
  await subscribe(owner, "devices/+/telemetry/#");
  const peer = await household.connect(device);
  publishReading(peer, "hello", 1, 1);
  const { topic } = await nextMessage(owner);
  peer.cut();
  owner.cut();
  return topic.split("/")[1] ?? "";
}
