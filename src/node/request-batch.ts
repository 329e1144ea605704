// Decoded requests as the dispatcher takes them: ranges into the bytes they came in, nothing
// copied.

/** Commands per batch; the prefetch works on as many. */
export const batchCountMax = 64;

export interface RequestBatch {
  readonly count: number;
  /** What the ranges point into. */
  readonly source: Uint8Array;
  /** Pairs (offset, length), all commands one after another. */
  readonly ranges: Int32Array;
  /** Per command: its argument count, and where its ranges begin. */
  readonly argcs: Int32Array;
  readonly firsts: Int32Array;
}
