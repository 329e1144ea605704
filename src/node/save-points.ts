// Redis's `save`: pairs of seconds and changes. A checkpoint is due when there have been so many
// changes since the last one and so long has passed, for any of the pairs. The log keeps what was
// written either way; checkpoints bound how much of it the next start reads.

interface SavePoint {
  readonly ms: number;
  readonly changes: number;
}

/** `3600 1 300 100`, as the parameter's reader has accepted it. */
export function parseSavePoints(text: string): readonly SavePoint[] {
  const words = text.split(" ").filter((word) => word !== "");
  return Array.from({ length: words.length >> 1 }, (_, index) => ({
    ms: Number(words[index * 2]) * 1000,
    changes: Number(words[index * 2 + 1]),
  }));
}

/** @param sinceMs since the last checkpoint was complete, or the node started */
export const isSaveDue = (
  points: readonly SavePoint[],
  changes: number,
  sinceMs: number,
): boolean => points.some((point) => changes >= point.changes && sinceMs > point.ms);
