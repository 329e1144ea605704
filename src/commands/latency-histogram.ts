// How long a command takes, as a histogram: buckets grow with the value, so that every figure is
// right to about one part in a hundred and the whole takes a few kilobytes. After Gil Tene's
// HdrHistogram with two significant digits, from 1 ns to 1 s, which is what Redis keeps per
// command; longer times count as the longest.
//
// Recording never allocates after the first time; what INFO and LATENCY HISTOGRAM print is worked
// out on demand.

/** Values below this are counted exactly; above, each doubling has half as many buckets. */
const linearCount = 256;
const halfCount = linearCount / 2;
const nanosMax = 1e9;
/** Doublings above `linearCount` up to `nanosMax` (2^30). */
const doublingCount = 30 - 8;
const bucketCount = linearCount + doublingCount * halfCount;
const firstBoundNanos = 1024;

export class LatencyHistogram {
  total = 0;
  readonly #counts = new Uint32Array(bucketCount);

  record(nanos: number, count = 1): void {
    this.#counts[bucketOf(nanos)]! += count;
    this.total += count;
  }

  reset(): void {
    this.total = 0;
    this.#counts.fill(0);
  }

  /**
   * The value in nanoseconds that so many percent of the samples do not exceed, the least value for
   * 0 percent; 0 when there are no samples.
   */
  percentile(percent: number): number {
    if (this.total === 0) return 0;
    const wanted = Math.max(1, Math.floor((Math.min(percent, 100) / 100) * this.total + 0.5));
    let bucket = 0;
    for (let seen = this.#counts[0]!; seen < wanted; seen += this.#counts[bucket]!) bucket++;
    return percent > 0 ? highestOf(bucket) : lowestOf(bucket);
  }

  /**
   * How many samples do not exceed 1.024 microseconds and each doubling of it, up to the first that
   * covers all; doublings that add none are left out. The bounds are as exact as the buckets: 33
   * for 32.768.
   */
  cumulative(): [micros: number, count: number][] {
    const rows: [number, number][] = [];
    let bucket = 0;
    let seen = 0;
    for (let nanos = firstBoundNanos; seen < this.total; nanos *= 2) {
      const before = seen;
      const last = bucketOf(nanos);
      while (bucket <= last) seen += this.#counts[bucket++]!;
      if (seen > before) rows.push([Math.floor(highestOf(last) / 1000), seen]);
    }
    return rows;
  }
}

function bucketOf(nanos: number): number {
  const value = nanos < 1 ? 1 : nanos > nanosMax ? nanosMax : nanos | 0;
  if (value < linearCount) return value;
  const shift = 24 - Math.clz32(value);
  return linearCount + (shift - 1) * halfCount + ((value >>> shift) - halfCount);
}

/** The highest value that falls into a bucket. */
function highestOf(bucket: number): number {
  if (bucket < linearCount) return bucket;
  const shift = Math.floor((bucket - linearCount) / halfCount) + 1;
  const mantissa = halfCount + ((bucket - linearCount) % halfCount);
  return (mantissa + 1) * 2 ** shift - 1;
}

const lowestOf = (bucket: number): number => (bucket === 0 ? 0 : highestOf(bucket - 1) + 1);
