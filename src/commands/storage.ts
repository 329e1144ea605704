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
  /** Undefined: the log is in no object store. */
  readonly store: StoreFigures | undefined;
}

/** The object store that the log is streamed into. */
export interface StoreFigures {
  /** `streaming`, `failing`, or `fenced` by a later writer. */
  readonly state: string;
  readonly error: string | undefined;
  readonly epoch: number;
  /** Records up to here come back from the store alone. */
  readonly heldLsn: number;
  /** Bytes of the log's files that hold what the store lacks. */
  readonly lagBytes: number;
  /** Of the manifest: objects and their bytes as stored. */
  readonly objectCount: number;
  readonly objectBytes: number;
  /** Since the start. */
  readonly putObjects: number;
  readonly putBytes: number;
  readonly removedObjects: number;
  readonly checkpointCount: number;
  readonly mergeCount: number;
  readonly failureCount: number;
}

export interface Storage {
  readonly figures: StorageFigures;
  /** Begins a checkpoint; false when one is under way, or the log is fenced. */
  save(done: (error: string | undefined) => void): boolean;
  /**
   * Tells when everything written so far is in the object store, or why it will not be; false: too
   * many wait for that already.
   */
  whenStored(done: (error: string | undefined) => void): boolean;
}
