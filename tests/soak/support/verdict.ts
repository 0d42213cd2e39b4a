import type { Packet, TopicFilter } from "../../../engines/mqtt/packet.ts";
import { MqttPeer } from "../../support/mqtt-peer.ts";
import { type SoakPublisher, topics } from "./publisher.ts";
import type { SoakSubscriber } from "./subscriber.ts";

/** What a soak found. */
export interface Verdict {
  readonly published: number;
  readonly acknowledged: number;
  /** Acknowledged and never delivered. */
  readonly lost: readonly number[];
  /** QoS 1 may come twice. */
  readonly repeatedAtQos1: number;
  /** Everything that must not be: duplicates at QoS 2, lost sessions, wrong order, wrong answers. */
  readonly violations: readonly string[];
}

/**
 * To be asked when nothing new is published: lets everything arrive, ends both clients, and compares.
 * @param allow how long what is acknowledged may take to arrive, in ms.
 */
export async function verdictOf(
  publisher: SoakPublisher,
  subscriber: SoakSubscriber,
  { url, token, allow }: { url: string; token: string; allow: number },
): Promise<Verdict> {
  const finished = await within(allow, publisher.finish());
  const missing = () =>
    [...publisher.acknowledged].filter(([n, qos]) => !subscriber.delivered[qos].has(n)).map(([n]) => n);
  if (missing().length > 0) {
    await within(
      allow,
      new Promise<void>((resolve) => {
        subscriber.onDelivered = () => {
          if (missing().length === 0) resolve();
        };
      }),
    );
  }
  await publisher.stop();
  await subscriber.stop();
  const kept = await retainedNumber(url, token);
  return {
    published: publisher.published,
    acknowledged: publisher.acknowledged.size,
    lost: missing(),
    repeatedAtQos1: [...subscriber.delivered[1].values()].filter((count) => count > 1).length,
    violations: [
      ...publisher.violations,
      ...subscriber.violations,
      ...(finished ? [] : ["not everything was acknowledged in the end"]),
      ...(kept >= publisher.lastRetained
        ? []
        : [`${publisher.lastRetained} was acknowledged as retained, ${kept} is there`]),
    ],
  };
}

/** @returns whether it was done in time. */
async function within(ms: number, work: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const isDone = await Promise.race([work.then(() => true), late]);
  clearTimeout(timer);
  return isDone;
}

/** What a client that comes anew finds retained; 0 if nothing. */
async function retainedNumber(url: string, token: string): Promise<number> {
  const peer = await MqttPeer.open({ url, headers: { authorization: `Bearer ${token}` } }, 5);
  if (typeof peer === "number") throw new Error(`refused with ${peer}`);
  peer.connect(undefined, { mqttClientId: "reader" });
  await peer.nextOf("connack");
  peer.send({
    type: "subscribe",
    packetId: 1,
    subscriptions: [
      {
        topicFilter: topics.kept as string as TopicFilter, // a filter without wildcards
        qos: 0,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0,
      },
    ],
  });
  await peer.nextOf("suback");
  peer.send({ type: "pingreq" });
  let kept = 0;
  for (
    let packet: Packet | undefined = await peer.next();
    packet?.type !== "pingresp";
    packet = await peer.next()
  ) {
    if (packet === undefined) throw new Error("the connection ended");
    if (packet.type === "publish") kept = Number(new TextDecoder().decode(packet.payload));
  }
  peer.cut();
  return kept;
}
