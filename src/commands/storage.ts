// What commands may ask of a node that keeps its data on a disk: SAVE and its kin, SHUTDOWN, INFO
// persistence. The node implements it (node/node-storage.ts); without a disk there is none.

export interface StorageFigures {
  /** Unix milliseconds of the last completed checkpoint, or of the start. */
  readonly lastSaveMs: number;
  readonly isSaving: boolean;
  /** Keys that the checkpoint under way has written. */
  readonly savedKeys: number;
  readonly saveCount: number;
  readonly isLastSaveGood: boolean;
  /** -1: there was none. */
  readonly lastSaveSeconds: number;
  readonly currentSaveSeconds: number;
  /** Why the log takes nothing at the moment. */
  readonly logError: string | undefined;
  /** Bytes of checkpoint and log, and of the checkpoint alone. */
  readonly currentBytes: number;
  readonly baseBytes: number;
  /** Bytes that are not durable yet. */
  readonly unsafeBytes: number;
  readonly isSyncing: boolean;
  readonly delayedSyncCount: number;
  readonly segmentCount: number;
  readonly lastLsn: number;
  readonly safeLsn: number;
  /** What recovery put back at the start. */
  readonly recoveredRecords: number;
}

export interface Storage {
  readonly figures: StorageFigures;
  /** Begins a checkpoint; false when one is under way, or the log is fenced. */
  save(done: (error: string | undefined) => void): boolean;
}
