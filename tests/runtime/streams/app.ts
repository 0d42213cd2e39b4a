import { env } from "cloudflare:workers";
import type { StreamApp } from "../../../durable-objects/stream-app/stream-app.ts";
import type {
  EventBatch,
  Interest,
  ResultDelivery,
  ResultPosition,
  ThingEvent,
} from "../../../engines/streams/hand-over.ts";

/** The stand-in of tests/streams/stand-in-cloud.js. */
interface StandInCloud extends Rpc.DurableObjectBranded {
  away(isAway: boolean): void;
  seen(): { interest?: Interest; deliveries: ResultDelivery[] };
}

// The bindings of workers/cep/wrangler.toml, which the suite runs.
const bindings = env as unknown as {
  STREAM_APP: DurableObjectNamespace<StreamApp>;
  PCM: DurableObjectNamespace<StandInCloud>;
};

/** A user's stream app; each test takes another user. */
export function appOf(user: string): DurableObjectStub<StreamApp> {
  return bindings.STREAM_APP.get(bindings.STREAM_APP.idFromName(user));
}

export function cloudOf(user: string): DurableObjectStub<StandInCloud> {
  return bindings.PCM.get(bindings.PCM.idFromName(user));
}

/** A reading of one device. */
export function reading(property: string, value: number, atMs = Date.now(), device = "dh1"): ThingEvent {
  return {
    device,
    name: `my ${device}`,
    topic: `telemetry/${property}`,
    payload: JSON.stringify([{ n: property, v: value }]),
    atMs,
  };
}

export const nothingTaken: ResultPosition = { origin: "", number: 0 };

/** A batch whose offsets begin at `first`. */
export function batch(first: number, events: readonly ThingEvent[], taken = nothingTaken): EventBatch {
  return { source: "home", events: events.map((event, i) => [first + i, event] as const), taken };
}

/** Puts out the sum of every pair of readings, and the running count. */
export const pairs = `
  @source(type='things', property='n') define stream N (value long);
  @sink(type='stream') define stream Pairs (total long);
  from N#window.lengthBatch(2) select sum(value) as total insert into Pairs;
`;

/** An alarm when nothing came for ten minutes. */
export const silence = `
  @source(type='things', property='n') define stream N (device string, value long);
  @sink(type='alarm', id='{{device}}', title='silent') define stream Silent (device string);
  from every e1=N -> not N[device == e1.device] for 10 min select e1.device as device insert into Silent;
`;
