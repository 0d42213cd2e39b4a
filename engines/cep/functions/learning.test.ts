import { describe, expect, test } from "vitest";
import { type Row, refuses, scenario } from "../scenarios/scenario.ts";
import { Clusters, LinearModel, Perceptron } from "./learners.ts";
import { regress, studentT } from "./regression.ts";

describe("regression", () => {
  test("Student's distribution, against printed tables", () => {
    for (const [t, freedom, p] of [
      [0, 5, 0.5],
      [1, 1, 0.75],
      [2.015, 5, 0.95],
      [2.571, 5, 0.975],
      [-2.571, 5, 0.025],
      [1.812, 10, 0.95],
      [2.75, 30, 0.995],
      [1.96, 1e6, 0.975],
    ] as const)
      expect(studentT(t, freedom), `${t} of ${freedom}`).toBeCloseTo(p, 4);
  });

  test("a plane without noise is found exactly", () => {
    const a = [1, 2, 3, 4, 5, 7];
    const b = [2, 1, 4, 3, 9, 1];
    const y = a.map((v, i) => 10 + 3 * v - 2 * (b[i] ?? 0));
    const { betas, standardError } = regress(y, [a, b], 0.95) ?? { betas: [], standardError: -1 };
    [10, 3, -2].forEach((beta, i) => {
      expect(betas[i]).toBeCloseTo(beta, 9);
    });
    expect(standardError).toBeCloseTo(0, 9);
  });

  test("a line through noise: the textbook's numbers", () => {
    // Heights (m) and weights (kg), as in the encyclopaedias: weight = 61.272 height - 39.062.
    const x = [1.47, 1.5, 1.52, 1.55, 1.57, 1.6, 1.63, 1.65, 1.68, 1.7, 1.73, 1.75, 1.78, 1.8, 1.83];
    const y = [
      52.21, 53.12, 54.48, 55.84, 57.2, 58.57, 59.93, 61.29, 63.11, 64.47, 66.28, 68.1, 69.92, 72.19, 74.46,
    ];
    const found = regress(y, [x], 0.95);
    expect(found?.betas[0]).toBeCloseTo(-39.062, 3);
    expect(found?.betas[1]).toBeCloseTo(61.272, 3);
    expect(found?.standardError).toBeCloseTo(0.7591, 4);
  });

  test("a slope that is not significant is 0; too few rows give nothing; columns that stand still give zeros", () => {
    expect(regress([1, 2, 1, 2, 1, 2], [[1, 2, 3, 4, 5, 6]], 0.95)?.betas[1]).toBe(0);
    expect(regress([1, 2], [[1, 2]], 0.95)).toBeUndefined();
    expect(regress([1, 2, 3], [[7, 7, 7]], 0.95)).toEqual({ standardError: 0, betas: [0, 0] });
  });

  test("times in milliseconds keep their digits", () => {
    const x = Array.from({ length: 50 }, (_, i) => 1_700_000_000_000 + i * 1000);
    const y = x.map((v) => (v - 1_700_000_000_000) / 1000);
    expect(regress(y, [x], 0.95)?.betas[1]).toBeCloseTo(0.001, 12);
  });
});

describe("learners", () => {
  test("a perceptron learns what a line divides, and is wrong no more", () => {
    const model = new Perceptron(3);
    const examples = [
      [1, 0, 0],
      [1, 0, 1],
      [1, 1, 0],
      [1, 1, 1],
    ];
    const isBoth = (x: number[]) => x[1] === 1 && x[2] === 1;
    for (let round = 0; round < 100; round++) for (const x of examples) model.update(isBoth(x), x, 0.1);
    expect(examples.map((x) => model.evaluate(x) > 0.5)).toEqual(examples.map(isBoth));
  });

  test("a linear model finds the weights, and follows when they change if it forgets", () => {
    const model = new LinearModel(2);
    const at = (i: number) => [Math.sin(i), Math.cos(i * 1.7)];
    for (let i = 0; i < 100; i++) model.update(5 + 2 * (at(i)[0] ?? 0) - (at(i)[1] ?? 0), at(i), 0.9);
    [5, 2, -1].forEach((w, i) => {
      expect(model.weights[i]).toBeCloseTo(w, 3);
    });
    for (let i = 0; i < 300; i++) model.update(1 - (at(i)[0] ?? 0), at(i), 0.9);
    [1, -1, 0].forEach((w, i) => {
      expect(model.weights[i]).toBeCloseTo(w, 3);
    });
  });

  test("clusters gather around what is there", () => {
    const clusters = new Clusters(2);
    clusters.learnBatch([[0], [1], [2], [100], [101], [102]], 1, 50);
    expect(clusters.nearest([5])).toMatchObject({ centre: [1], distance: 4 });
    expect(clusters.nearest([90])).toMatchObject({ centre: [101], distance: 11 });
    clusters.learn([3], 0.5);
    expect(clusters.nearest([3])?.centre).toEqual([2]);
  });
});

const S = "define stream S (y double, x int, ok bool); ";
const line = (n: number): [string, ...unknown[]][] =>
  Array.from({ length: n }, (_, i) => ["S", 2 * i + 1 + (i % 2 === 0 ? 0.1 : -0.1), i, i > 2]);

/** Rows with their numbers to three places. */
const rounded = (what: string) => `math:round(${what} * 1000.0) / 1000.0 as ${what}`;

describe("timeseries:", () => {
  scenario(
    "a forecast stands from the third event on",
    `${S}from S#timeseries:forecast(x + 10, y, x) select x, ${rounded("beta1")}, ${rounded("forecastY")} insert into Out;`,
    line(4),
    {
      Out: [
        [0, null, null],
        [1, null, null],
        // The intercept of three points is not sure enough.
        [2, 2, 24],
        [3, 1.96, 26.54],
      ],
    },
  );
  scenario(
    "a value far off the line before it is an outlier, not one on it",
    `${S}from S#timeseries:outlier(10, y, x) select x, outlier insert into Out;`,
    [...line(6), ["S", 40, 6, true], ["S", 15, 7, true]],
    { Out: [0, 1, 2, 3, 4, 5, 6, 7].map((x): Row => [x, x === 6]) },
  );
  scenario(
    "calculated at every other event, over three events at most",
    `${S}from S#timeseries:regress(2, 3, 0.95, y, x) select ${rounded("beta0")}, ${rounded("beta1")} insert into Out;`,
    [
      ["S", 0, 0, true],
      ["S", 100, 1, true],
      ["S", 3, 2, true],
      ["S", 4, 3, true],
      ["S", 5, 4, true],
      ["S", 6, 5, true],
    ],
    {
      Out: [
        [null, null],
        [null, null],
        [null, null],
        [0, 0],
        [0, 0],
        [1, 1],
      ],
    },
  );
  scenario(
    "events out of the time do not count",
    `${S}from S#timeseries:lengthTimeRegress(10 sec, 100, y, x) select ${rounded("beta1")} insert into Out;`,
    [
      ["S", 50, 0, true],
      ["S", -50, 1, true],
      10_000,
      ["S", 2, 2, true],
      ["S", 3, 3, true],
      ["S", 4, 4, true],
    ],
    { Out: [[null], [null], [null], [null], [1]] },
  );
  scenario(
    "each key of a partition has its own line",
    `${S}partition with (ok of S) begin from S#timeseries:regress(y, x) select ok, ${rounded("beta1")} insert into Out; end;`,
    [0, 1, 2].flatMap((i) => [["S", i, i, true] as const, ["S", -2 * i, i, false] as const]),
    {
      Out: [
        [true, null],
        [false, null],
        [true, null],
        [false, null],
        [true, 1],
        [false, -2],
      ],
    },
  );
  scenario(
    "a filter smooths",
    `${S}from S#timeseries:kalmanFilter(y, 0.0, 1.0) select smoothed insert into Out;`,
    [
      ["S", 10, 0, true],
      ["S", 20, 0, true],
      ["S", null, 0, true],
      ["S", 30, 0, true],
    ],
    { Out: [[10], [15], [15], [20]] },
  );
  refuses(
    "what makes no regression",
    `${S}from S#timeseries:regress(0, 100, 0.95, y, x) select beta0 insert into Out;`,
    `${S}from S#timeseries:regress(1, 2, 0.95, y, x) select beta0 insert into Out;`,
    `${S}from S#timeseries:regress(1, 100, 1.5, y, x) select beta0 insert into Out;`,
    `${S}from S#timeseries:regress(y, ok) select beta0 insert into Out;`,
    `${S}from S#timeseries:regress(y) select beta0 insert into Out;`,
    `${S}from S#timeseries:lengthTimeRegress(0 sec, 100, y, x) select beta0 insert into Out;`,
    `${S}from e1=S#timeseries:regress(y, x) -> e2=S select e1.beta0 insert into Out;`,
  );
});

const TEACH =
  "from S#streamingml:updatePerceptronClassifier('m', ok, 0.5, y, x) select weight1, weight2 insert into Taught; ";

describe("streamingml:", () => {
  scenario(
    "a perceptron is taught by one query and asked by another",
    `${S}define stream Ask (a double, b double); ${TEACH}
     from Ask#streamingml:perceptronClassifier('m', a, b) select prediction, confidenceLevel insert into Out;`,
    [
      ["Ask", 1, 1],
      ["S", 1, 2, true],
      ["Ask", 1, 1],
      ["S", 2, 2, true],
      ["S", 4, 0, false],
      ["Ask", 1, 1],
      ["Ask", null, 1],
    ],
    {
      Taught: [
        [0.5, 1],
        [0.5, 1],
        [-1.5, 1],
      ],
      Out: [
        [false, 0],
        [true, 1.5],
        [false, -0.5],
        [null, null],
      ],
    },
  );
  scenario(
    "a bias and a threshold",
    `${S}${TEACH} from S#streamingml:perceptronClassifier('m', 0.25, 0.2, y, x) select prediction insert into Out;`,
    [["S", 0, 0, false]],
    { Out: [[true]] },
  );
  scenario(
    "a line is learnt, and the losses fall",
    `${S}from S#streamingml:updateLinearRegression('l', y, x) select loss < 0.001 as isSmall insert into Taught;
     from S#streamingml:linearRegression('l', x) select math:round(prediction) as p insert into Out;`,
    [1, 2, 3].map((x): [string, ...unknown[]] => ["S", 10 * x + 5, x, true]),
    { Taught: [[false], [false], [true]], Out: [[15], [25], [35]] },
  );
  scenario(
    "clusters an event at a time",
    `${S}from S#streamingml:kMeansIncremental(2, 0.5, y) select euclideanDistanceToClosestCentroid as d, closestCentroidCoordinate1 as c insert into Out;`,
    [0, 10, 2, 14].map((y): [string, ...unknown[]] => ["S", y, 0, true]),
    {
      Out: [
        [0, 0],
        [0, 10],
        [1, 1],
        [2, 12],
      ],
    },
  );
  scenario(
    "clusters a batch at a time",
    `${S}from S#streamingml:kMeansMiniBatch(2, 1.0, 10, 4, y) select closestCentroidCoordinate1 as c insert into Out;`,
    [0, 10, 2, 14, 1].map((y): [string, ...unknown[]] => ["S", y, 0, true]),
    { Out: [[null], [null], [null], [12], [1]] },
  );
  const refused = (query: string) => `${S}${TEACH}${query}`;
  refuses(
    "what does not fit a model",
    `${S}from S#streamingml:perceptronClassifier('m', y, x) select prediction insert into Out;`,
    refused("from S#streamingml:perceptronClassifier('m', y) select prediction insert into Out;"),
    refused("from S#streamingml:linearRegression('m', y, x) select prediction insert into Out;"),
    refused("from S#streamingml:perceptronClassifier('m', y, ok) select prediction insert into Out;"),
    `${S}from S#streamingml:updatePerceptronClassifier('m', ok, 1.5, y) select weight1 insert into Out;`,
    `${S}from S#streamingml:kMeansIncremental(0, y) select closestCentroidCoordinate1 insert into Out;`,
    `${S}from S#streamingml:kMeansMiniBatch(2, 10, y) select closestCentroidCoordinate1 insert into Out;`,
    `${S}partition with (x of S) begin ${TEACH} end;`,
  );
});
