// Intervals and bounds of replication. Times are in milliseconds.

export interface Timing {
  /**
   * After a batch has closed the next one stays open for so long at least, unless somebody asks for
   * what it holds. 0: it closes with its turn. A longer batch costs less per write and names a key
   * once; what comes alone does not wait.
   */
  readonly batchMsMin: number;
  /** How long an acknowledgement may wait for company. */
  readonly ackDelayMs: number;
  /**
   * Without an acknowledgement for this long, or three measured round trips, a push is repeated.
   */
  readonly resendMsMin: number;
  readonly resendMsMax: number;
  /** How often contexts are compared with a random peer while nothing is found to differ. */
  readonly exchangeMs: number;
  /** The same after a difference was found; it then doubles back to `exchangeMs`. */
  readonly exchangeMsMin: number;
  /** Batches younger than this are taken to be on their way and not compared. */
  readonly settleMs: number;
  /** How long something missing may still arrive by itself before it is asked for. */
  readonly pullDelayMs: number;
  /** An unanswered pull is repeated at another peer after this. */
  readonly pullTimeoutMs: number;
  /** How often batches that wait are looked at again, for the clock may have admitted them. */
  readonly retryMs: number;
  /** How often logs forget what everybody has. */
  readonly forgetMs: number;
  /** The same while they are large (`Shards.stableBytesMax`). */
  readonly forgetMsMin: number;
  /**
   * Batches younger than this stay in the logs although everybody has them: `contextAt` asks for
   * them.
   */
  readonly keepMs: number;
  /** A hub sends at most once in this time. */
  readonly hubWindowMs: number;
  /** How long one node stays the preferred hub. */
  readonly hubTermMs: number;
  /** Without word of what was relayed for this long, another hub is tried. */
  readonly hubTimeoutMs: number;
  /** A hub that failed is avoided for this long, or until it is heard. */
  readonly hubSuspectMs: number;
}

/** Links of up to about 100 ms; slower ones cost repeated messages, nothing else. */
export const defaultTiming: Timing = {
  batchMsMin: 0,
  ackDelayMs: 40,
  resendMsMin: 300,
  resendMsMax: 2_000,
  exchangeMs: 1_000,
  exchangeMsMin: 200,
  settleMs: 600,
  pullDelayMs: 60,
  pullTimeoutMs: 1_000,
  retryMs: 500,
  forgetMs: 1_000,
  forgetMsMin: 100,
  keepMs: 5_000,
  hubWindowMs: 230,
  hubTermMs: 10_000,
  hubTimeoutMs: 900,
  hubSuspectMs: 5_000,
};

/**
 * With many nodes an exchange costs messages: it is rarer, and a hub's messages are waited for
 * longer.
 */
export const hubTiming: Timing = {
  ...defaultTiming,
  exchangeMs: 1_500,
  settleMs: 1_200,
  pullDelayMs: 250,
};

export interface Limits {
  /** Batches that have arrived and cannot be joined yet. */
  readonly inboxBatchCountMax: number;
  readonly inboxBytesMax: number;
  readonly inboxWaitMsMax: number;
  readonly inboxPatienceMs: number;
  /** Own batches that wait for a peer's acknowledgement; more are left to repair. */
  readonly outboxBytesMax: number;
  /** From so much on, clients wait for a peer that is slower than they are. */
  readonly crowdedBytes: number;
  /** What is on its way to one peer, sent and not acknowledged. */
  readonly windowBytesMax: number;
  /** So much from a peer is acknowledged at once. */
  readonly ackBytesMax: number;
  /** The same while the peer does not answer. */
  readonly probeBytesMax: number;
  /** Batches in answer to one pull; the rest is asked for again. */
  readonly pullBytesMax: number;
  /** Whole shards in answer to one pull. */
  readonly pullStateCountMax: number;
  /** With fewer keys than this a state is sent at once, without comparing digests first. */
  readonly compareKeyCountMin: number;
}

export const defaultLimits: Limits = {
  inboxBatchCountMax: 16_384,
  inboxBytesMax: 32 * 1024 * 1024,
  inboxWaitMsMax: 60_000,
  inboxPatienceMs: 4_000,
  outboxBytesMax: 8 * 1024 * 1024,
  crowdedBytes: 3 * 1024 * 1024,
  windowBytesMax: 4 * 1024 * 1024,
  ackBytesMax: 1024 * 1024,
  probeBytesMax: 64 * 1024,
  pullBytesMax: 512 * 1024,
  pullStateCountMax: 4,
  compareKeyCountMin: 4096,
};
