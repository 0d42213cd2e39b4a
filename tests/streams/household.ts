import { logInAsOwner } from "../../cli/owner-login.ts";
import { Person } from "../../cli/sim/person.ts";
import type { Publish, TopicFilter, TopicName } from "../../engines/mqtt/packet.ts";
import type { Addresses } from "../../scripts/platform/addresses.ts";
import { openFactory } from "../support/manufacturer.ts";
import { MqttPeer } from "../support/mqtt-peer.ts";
import { ownedDevice } from "../support/owned-device.ts";

const redirectUri = "http://127.0.0.1/callback";

/** An owner with devices of their own, on a running platform, all made through the public flows. */
export class Household {
  readonly #gateway: string;
  readonly #tokens: ReadonlyMap<string, string>;
  readonly ownerToken: string;
  readonly person: Person;

  private constructor(
    gateway: string,
    ownerToken: string,
    tokens: ReadonlyMap<string, string>,
    person: Person,
  ) {
    this.person = person;
    this.#gateway = gateway;
    this.ownerToken = ownerToken;
    this.#tokens = tokens;
  }

  /** @param devices the owner's names for them, with their products. */
  static async open(
    addresses: Addresses,
    operatorToken: string,
    login: string,
    devices: Readonly<Record<string, string>>,
  ): Promise<Household> {
    const { didp, gateway } = addresses;
    const person = new Person({ login });
    const factory = await openFactory(didp, operatorToken);
    const tokens = new Map<string, string>();
    for (const [name, product] of Object.entries(devices)) {
      tokens.set(name, (await ownedDevice(didp, factory, person, name, product)).accessToken);
    }
    const owner = await logInAsOwner(didp, redirectUri, (url) => person.consent(url, redirectUri));
    return new Household(gateway, owner.accessToken, tokens, person);
  }

  /** The access token of one of the devices. */
  tokenOf(device: string): string {
    const token = this.#tokens.get(device);
    if (token === undefined) throw new Error(`there is no device ${device}`);
    return token;
  }

  /** Connects as one of the devices, or as the owner. */
  async connect(
    who: string,
    options: { cleanStart?: boolean; id?: string; keptSeconds?: number } = {},
  ): Promise<MqttPeer> {
    const token = who === "owner" ? this.ownerToken : this.tokenOf(who);
    const peer = await MqttPeer.open({ url: `${this.#gateway.replace("http", "ws")}/mqtt` }, 5);
    if (typeof peer === "number") throw new Error(`refused with ${peer}`);
    peer.connect(token, {
      cleanStart: options.cleanStart ?? true,
      ...(options.id !== undefined && { mqttClientId: options.id }),
      ...(options.keptSeconds !== undefined && {
        properties: { sessionExpiryInterval: options.keptSeconds },
      }),
    });
    const { reasonCode } = await peer.nextOf("connack");
    if (reasonCode !== 0) throw new Error(`CONNACK ${reasonCode}`);
    return peer;
  }

  /** The HTTP API below `/v1/me`. */
  api(
    method: string,
    path: string,
    body?: string | object,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    return fetch(`${this.#gateway}/v1/me${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.ownerToken}`,
        "content-type": typeof body === "object" ? "application/json" : "text/plain",
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === "object" ? JSON.stringify(body) : body }),
    });
  }

  /** Deploys a rule. @throws Error with the answer when it is refused. */
  async deploy(rule: string, text: string): Promise<void> {
    const response = await this.api("PUT", `/rules/${rule}`, text);
    if (!response.ok) throw new Error(`${rule}: ${response.status} ${await response.text()}`);
  }
}

/** Subscribes and waits for the answer. */
export async function subscribe(peer: MqttPeer, filter: string, qos: 0 | 1 = 1): Promise<void> {
  peer.send({
    type: "subscribe",
    packetId: 1,
    subscriptions: [
      {
        topicFilter: filter as TopicFilter, // written in the tests
        qos,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0,
      },
    ],
  });
  await peer.nextOf("suback");
}

/** Publishes a reading as SenML, QoS 1 unless said otherwise. */
export function publishReading(
  peer: MqttPeer,
  property: string,
  value: number,
  packetId: number,
  options: { timeSeconds?: number; qos?: 0 | 1 } = {},
): void {
  const { timeSeconds, qos = 1 } = options;
  const pack = [{ n: property, v: value, ...(timeSeconds !== undefined && { t: timeSeconds }) }];
  peer.send({
    type: "publish",
    topicName: `telemetry/${property}` as TopicName, // written in the tests
    payload: new TextEncoder().encode(JSON.stringify(pack)),
    qos,
    retain: false,
    dup: false,
    ...(qos > 0 && { packetId }),
  });
}

/** The next PUBLISH, acknowledged; its payload as JSON, and the id that results carry. */
export async function nextMessage(
  peer: MqttPeer,
): Promise<{ topic: string; json: unknown; id: string | undefined }> {
  const packet = await peer.nextOf("publish");
  acknowledge(peer, packet);
  return {
    topic: packet.topicName,
    json: JSON.parse(new TextDecoder().decode(packet.payload)),
    id: packet.properties?.userProperties?.find(([name]) => name === "id")?.[1],
  };
}

function acknowledge(peer: MqttPeer, { qos, packetId }: Publish): void {
  if (qos === 1 && packetId !== undefined) peer.send({ type: "puback", packetId, reasonCode: 0 });
}
