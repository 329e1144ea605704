// Quantiles as Jepsen reports them: the element at floor(n * point) of the sorted values, no
// interpolation.

export const QUANTILE_POINTS = [0, 0.5, 0.95, 0.99, 1] as const;

/** Values at 0 (the least), 0.5 (the median), 0.95, 0.99 and 1 (the greatest). */
export interface Quantiles {
  readonly min: number;
  readonly median: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** Undefined for no values. Does not change `values`. */
export function quantilesOf(values: Iterable<number>): Quantiles | undefined {
  const sorted = Float64Array.from(values).sort();
  if (sorted.length === 0) return undefined;
  const [min, median, p95, p99, max] = QUANTILE_POINTS.map((point) => {
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * point))]!;
  });
  return { min: min!, median: median!, p95: p95!, p99: p99!, max: max! };
}

export const MICROSECONDS_PER_MS = 1000;
