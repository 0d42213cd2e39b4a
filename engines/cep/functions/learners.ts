/** A model that learns from one example at a time; `save` gives what `load` takes. */
export interface Learner {
  save(): unknown;
  load(saved: unknown): void;
}

/** A linear classifier that corrects its weights where it was wrong (Rosenblatt's perceptron). */
export class Perceptron implements Learner {
  #weights: number[];

  constructor(features: number) {
    this.#weights = new Array<number>(features).fill(0);
  }

  get weights(): readonly number[] {
    return this.#weights;
  }

  /** The weighted sum of the features. */
  evaluate(features: readonly number[]): number {
    return this.#weights.reduce((sum, w, i) => sum + w * (features[i] ?? 0), 0);
  }

  /** Learns the label of one example; above a half means true. */
  update(label: boolean, features: readonly number[], rate: number): void {
    if (this.evaluate(features) > 0.5 === label) return;
    const step = label ? rate : -rate;
    this.#weights = this.#weights.map((w, i) => w + step * (features[i] ?? 0));
  }

  save(): unknown {
    return this.#weights;
  }
  load(saved: unknown): void {
    this.#weights = saved as number[]; // as saved
  }
}

/**
 * Linear regression by recursive least squares: after each example the weights are those of the whole past, older
 * examples weighed less by `forgetting` (1 keeps all). Cost: O(features²) a step.
 */
export class LinearModel implements Learner {
  #weights: number[];
  /** The inverse of the (weighted) products of the features seen. */
  #inverse: number[][];

  constructor(features: number) {
    const width = features + 1;
    this.#weights = new Array<number>(width).fill(0);
    this.#inverse = this.#weights.map((_, i) => this.#weights.map((__, j) => (i === j ? 1e6 : 0)));
  }

  /** Intercept first. */
  get weights(): readonly number[] {
    return this.#weights;
  }

  predict(features: readonly number[]): number {
    return features.reduce((sum, x, i) => sum + x * (this.#weights[i + 1] ?? 0), this.#weights[0] ?? 0);
  }

  update(target: number, features: readonly number[], forgetting: number): void {
    const x = [1, ...features];
    const error = target - this.predict(features);
    const projected = this.#inverse.map((row) => row.reduce((sum, v, j) => sum + v * (x[j] ?? 0), 0));
    const scale = forgetting + projected.reduce((sum, v, i) => sum + v * (x[i] ?? 0), 0);
    const gain = projected.map((v) => v / scale);
    this.#weights = this.#weights.map((w, i) => w + (gain[i] ?? 0) * error);
    this.#inverse = this.#inverse.map((row, i) =>
      row.map((v, j) => (v - (gain[i] ?? 0) * (projected[j] ?? 0)) / forgetting),
    );
  }

  save(): unknown {
    return [this.#weights, this.#inverse];
  }
  load(saved: unknown): void {
    [this.#weights, this.#inverse] = saved as [number[], number[][]]; // as saved
  }
}

type Point = readonly number[];

/** Cluster centres by k-means; the first distinct points are the first centres. */
export class Clusters implements Learner {
  readonly #count: number;
  #centres: number[][] = [];

  constructor(count: number) {
    this.#count = count;
  }

  /** The nearest centre and its distance; undefined while there is none. */
  nearest(point: Point): { at: number; distance: number; centre: Point } | undefined {
    let best: { at: number; distance: number; centre: Point } | undefined;
    this.#centres.forEach((centre, at) => {
      const distance = Math.hypot(...centre.map((c, i) => c - (point[i] ?? 0)));
      if (best === undefined || distance < best.distance) best = { at, distance, centre };
    });
    return best;
  }

  /** Adds a centre while some are missing. @returns whether it did */
  #seed(point: Point): boolean {
    if (this.#centres.length >= this.#count) return false;
    if (this.#centres.some((c) => c.every((v, i) => v === point[i]))) return false;
    this.#centres.push([...point]);
    return true;
  }

  /** Moves the nearest centre towards the point by the share `decay` (sequential k-means). */
  learn(point: Point, decay: number): void {
    if (this.#seed(point)) return;
    const found = this.nearest(point);
    if (found !== undefined) this.#move(found.at, point, decay);
  }

  /** Runs k-means over a batch, from the centres there are, and moves these by `decay` to the result. */
  learnBatch(points: readonly Point[], decay: number, iterations: number): void {
    for (const p of points) this.#seed(p);
    if (this.#centres.length < this.#count) return;
    const before = this.#centres.map((c) => [...c]);
    let members: Point[][] = [];
    for (let i = 0; i < iterations; i++) {
      members = before.map(() => []);
      for (const p of points) members[this.nearest(p)?.at ?? 0]?.push(p);
      const next = this.#centres.map((centre, at) => centreOf(members[at] ?? []) ?? centre);
      const isSettled = next.every((c, at) => c.every((v, j) => v === this.#centres[at]?.[j]));
      this.#centres = next;
      if (isSettled) break;
    }
    const found = this.#centres;
    this.#centres = before;
    found.forEach((centre, at) => {
      if (members[at]?.length !== 0) this.#move(at, centre, decay);
    });
  }

  #move(at: number, towards: Point, share: number): void {
    this.#centres[at] = (this.#centres[at] ?? []).map((c, i) => c + share * ((towards[i] ?? 0) - c));
  }

  save(): unknown {
    return this.#centres;
  }
  load(saved: unknown): void {
    this.#centres = saved as number[][]; // as saved
  }
}

function centreOf(points: readonly Point[]): number[] | undefined {
  const [first] = points;
  return first?.map((_, i) => points.reduce((sum, p) => sum + (p[i] ?? 0), 0) / points.length);
}
