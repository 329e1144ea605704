// How long a command takes, as a histogram: buckets grow with the value, so that every figure is right to about
// one part in a hundred and the whole takes a few kilobytes. After Gil Tene's HdrHistogram with two significant
// digits, from 1 ns to 1 s, which is what Redis keeps per command; longer times count as the longest.
//
// Recording never allocates after the first time; what INFO and LATENCY HISTOGRAM print is worked out on demand.

/** Values below this are counted exactly; above, each doubling has half as many buckets. */
const linearCount = 256;
const halfCount = linearCount / 2;
const nanosMax = 1e9;
/** Doublings above `linearCount` up to `nanosMax` (2^30). */
const doublingCount = 30 - 8;
const bucketCount = linearCount + doublingCount * halfCount;

export class LatencyHistogram {
  total = 0;
  readonly #counts = new Uint32Array(bucketCount);

  record(nanos: number): void {
    this.#counts[bucketOf(nanos)]!++;
    this.total++;
  }

  reset(): void {
    this.total = 0;
    this.#counts.fill(0);
  }

  /** The value in nanoseconds that so many percent of the samples do not exceed; 0 when there are none. */
  percentile(percent: number): number {
    const wanted = Math.max(1, Math.floor((Math.min(percent, 100) / 100) * this.total + 0.5));
    let seen = 0;
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= wanted && this.total > 0) return highestOf(bucket);
    }
    return 0;
  }

  /**
   * Powers of two in microseconds with how many samples do not exceed each, up to the first that covers all.
   * Powers below the least sample are left out, as are those that add nothing to the one before.
   */
  cumulative(): [micros: number, count: number][] {
    const rows: [number, number][] = [];
    let bucket = 0;
    let seen = 0;
    for (let micros = 1; seen < this.total; micros *= 2) {
      const before = seen;
      const last = bucketOf(micros * 1024 - 1);
      while (bucket <= last) seen += this.#counts[bucket++]!;
      if (last === bucketCount - 1) seen = this.total;
      if (seen > before) rows.push([micros, seen]);
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
