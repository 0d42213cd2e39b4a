import { type Attribute, CURRENT } from "../event.ts";
import type { ParameterSpec, StreamFunctionExtension } from "../extension.ts";
import { bounded, constant, constantsAt, doubles, FEATURE, featuresOf, wrong } from "./features.ts";
import { Clusters } from "./learners.ts";

const CLUSTERS: ParameterSpec = {
  name: "no.of.clusters",
  types: ["int"],
  description: "How many clusters to find.",
};
const DECAY = constant("decay.rate", "double", "Weight of what is new against what is old, 0 to 1.", "0.01");

/** The distance to the nearest centre, then its coordinates. */
function clusterAttributes(dimensions: number): Attribute[] {
  const coordinates = Array.from({ length: dimensions }, (_, i) => `closestCentroidCoordinate${i + 1}`);
  return doubles(["euclideanDistanceToClosestCentroid", ...coordinates]);
}

function placeOf(clusters: Clusters, point: number[] | null, dimensions: number): unknown[] {
  const found = point === null ? undefined : clusters.nearest(point);
  return found === undefined ? new Array<null>(dimensions + 1).fill(null) : [found.distance, ...found.centre];
}

const kMeansIncremental: StreamFunctionExtension = {
  kind: "stream-function",
  namespace: "streamingml",
  name: "kMeansIncremental",
  description: "Clusters events by k-means, a step an event; adds the nearest centre and its distance.",
  parameters: [CLUSTERS, DECAY, FEATURE],
  overloads: [
    ["no.of.clusters", "decay.rate", "model.feature", "..."],
    ["no.of.clusters", "model.feature", "..."],
  ],
  returns: ["double"],
  examples: [
    {
      syntax:
        "from S#streamingml:kMeansIncremental(3, 0.05, temp, kwh) select room, closestCentroidCoordinate1 insert into Out;",
      description: "Three kinds of climate.",
    },
  ],
  create(args, at) {
    const count = bounded(args[0], 0, 1, 1000, at);
    const tuned = constantsAt(args, 1, "double", 1);
    const decay = bounded(tuned[0], 0.01, 0, 1, at);
    const features = featuresOf(args.slice(1 + tuned.length), at);
    return {
      attributes: clusterAttributes(features.count),
      make: () => {
        const clusters = new Clusters(count);
        return {
          apply: (e) => {
            const point = features.of(e);
            if (e.type === CURRENT && point !== null) clusters.learn(point, decay);
            return placeOf(clusters, point, features.count);
          },
          save: () => clusters.save(),
          load: (saved) => clusters.load(saved),
        };
      },
    };
  },
};

const kMeansMiniBatch: StreamFunctionExtension = {
  kind: "stream-function",
  namespace: "streamingml",
  name: "kMeansMiniBatch",
  description: "Clusters events by k-means, a batch at a time; adds the nearest centre and its distance.",
  parameters: [
    CLUSTERS,
    DECAY,
    constant("maximum.iterations", "int", "Steps of a training at most.", "50"),
    constant("no.of.events.to.retrain", "int", "Events of a batch.", "20"),
    FEATURE,
  ],
  overloads: [
    ["no.of.clusters", "model.feature", "..."],
    ["no.of.clusters", "decay.rate", "model.feature", "..."],
    ["no.of.clusters", "maximum.iterations", "no.of.events.to.retrain", "model.feature", "..."],
    ["no.of.clusters", "decay.rate", "maximum.iterations", "no.of.events.to.retrain", "model.feature", "..."],
  ],
  returns: ["double"],
  examples: [
    {
      syntax:
        "from S#streamingml:kMeansMiniBatch(3, 0.2, 10, 50, temp, kwh) select room, closestCentroidCoordinate1 insert into Out;",
      description: "Three kinds of climate, learnt anew every fifty events.",
    },
  ],
  create(args, at) {
    const count = bounded(args[0], 0, 1, 1000, at);
    const tuned = constantsAt(args, 1, "double", 1);
    const decay = bounded(tuned[0], 0.01, 0, 1, at);
    const whole = constantsAt(args, 1 + tuned.length, "int", 2);
    if (whole.length === 1) wrong(at, "maximum.iterations and no.of.events.to.retrain go together");
    const iterations = bounded(whole[0], 50, 1, 1000, at);
    const batch = bounded(whole[1], 20, 1, 10_000, at);
    const features = featuresOf(args.slice(1 + tuned.length + whole.length), at);
    return {
      attributes: clusterAttributes(features.count),
      make: (host) => {
        const clusters = new Clusters(count);
        let points: number[][] = [];
        return {
          apply: (e) => {
            const point = features.of(e);
            if (e.type === CURRENT && point !== null) {
              host.charge(1);
              points.push(point);
              if (points.length >= batch) {
                clusters.learnBatch(points, decay, iterations);
                host.charge(-points.length);
                points = [];
              }
            }
            return placeOf(clusters, point, features.count);
          },
          size: () => points.length,
          save: () => [clusters.save(), points],
          load: (saved) => {
            const [centres, waiting] = saved as [unknown, number[][]]; // as saved
            clusters.load(centres);
            points = waiting;
          },
        };
      },
    };
  },
};

/** The functions of `streamingml:` that cluster. */
export const clusteringFunctions: readonly StreamFunctionExtension[] = [kMeansIncremental, kMeansMiniBatch];
