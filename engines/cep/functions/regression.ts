/** A least-squares line or plane: `betas[0]` is the intercept; coefficients that are not significant are 0. */
export interface Regression {
  readonly standardError: number;
  readonly betas: readonly number[];
}

/**
 * Ordinary least squares of `y` on one or more columns of `x`, with an intercept. A coefficient whose two-sided t
 * test stays above 1 - `confidence` is set to 0. Cost: O(rows · columns²) + O(columns³).
 * @returns undefined when there are no more rows than coefficients; all zeros when the columns do not vary.
 */
export function regress(
  y: readonly number[],
  x: readonly (readonly number[])[],
  confidence: number,
): Regression | undefined {
  const rows = y.length;
  const width = x.length + 1;
  const freedom = rows - width;
  if (freedom <= 0) return undefined;
  // Around the means, so that large values (times, say) keep their digits.
  const means = x.map(mean);
  const yMean = mean(y);
  const centred = x.map((column, j) => column.map((v) => v - (means[j] ?? 0)));
  const products = centred.map((a) => centred.map((b) => dot(a, b)));
  const inverse = invert(products);
  if (inverse === undefined) return { standardError: 0, betas: new Array<number>(width).fill(0) };
  const moments = centred.map((a) => a.reduce((sum, v, i) => sum + v * ((y[i] ?? 0) - yMean), 0));
  const slopes = inverse.map((row) => dot(row, moments));
  const intercept = yMean - dot(slopes, means);
  let squares = 0;
  for (let i = 0; i < rows; i++) {
    const fit = slopes.reduce((sum, b, j) => sum + b * (x[j]?.[i] ?? 0), intercept);
    squares += (fit - (y[i] ?? 0)) ** 2;
  }
  const standardError = Math.sqrt(squares / freedom);
  const spread = means.map((_, j) => dot(inverse[j] ?? [], means));
  const errors = [
    standardError * Math.sqrt(1 / rows + dot(spread, means)),
    ...inverse.map((row, j) => standardError * Math.sqrt(row[j] ?? 0)),
  ];
  const betas = [intercept, ...slopes].map((beta, i) => {
    const p = 2 * (1 - studentT(Math.abs(beta / (errors[i] ?? 0)), freedom));
    return p > 1 - confidence || Number.isNaN(p) ? 0 : beta;
  });
  return { standardError, betas };
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

/** The inverse of a square matrix by Gauss and Jordan with pivots, or undefined when it has none. */
function invert(matrix: readonly (readonly number[])[]): number[][] | undefined {
  const n = matrix.length;
  const work = matrix.map((row, i) => [...row, ...Array.from({ length: n }, (_, j) => (i === j ? 1 : 0))]);
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let r = column + 1; r < n; r++)
      if (Math.abs(work[r]?.[column] ?? 0) > Math.abs(work[pivot]?.[column] ?? 0)) pivot = r;
    const top = work[pivot] as number[]; // in range
    const scale = top[column] ?? 0;
    if (Math.abs(scale) < 1e-12) return undefined;
    work[pivot] = work[column] as number[]; // in range
    work[column] = top.map((v) => v / scale);
    for (let r = 0; r < n; r++) {
      if (r === column) continue;
      const factor = work[r]?.[column] ?? 0;
      work[r] = (work[r] as number[]).map((v, j) => v - factor * (work[column]?.[j] ?? 0)); // in range
    }
  }
  return work.map((row) => row.slice(n));
}

/** P(T ≤ t) of Student's distribution with so many degrees of freedom. */
export function studentT(t: number, freedom: number): number {
  if (t === Number.POSITIVE_INFINITY) return 1;
  const tail = 0.5 * incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5);
  return t >= 0 ? 1 - tail : tail;
}

/** The regularised incomplete beta function, by its continued fraction (Lentz). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(1 - x));
  // The fraction settles quickly on this side; the other follows by symmetry.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const tiny = 1e-300;
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1), tiny);
  let fraction = d;
  for (let m = 1; m <= 300; m++) {
    for (const term of [
      (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
      (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
    ]) {
      d = 1 / nonZero(1 + term * d, tiny);
      c = nonZero(1 + term / c, tiny);
      fraction *= c * d;
    }
    if (Math.abs(c * d - 1) < 1e-14) break;
  }
  return (front * fraction) / a;
}

function nonZero(value: number, tiny: number): number {
  return Math.abs(value) < tiny ? tiny : value;
}

const LANCZOS = [
  676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
  -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
];

/** The logarithm of the gamma function for x ≥ 0.5, after Lanczos. */
function logGamma(x: number): number {
  const z = x - 1;
  let sum = 0.9999999999998099;
  LANCZOS.forEach((g, i) => {
    sum += g / (z + i + 1);
  });
  const t = z + LANCZOS.length - 0.5;
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum);
}
