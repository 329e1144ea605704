// The times of the protocol, in milliseconds, and its bounds. The defaults are those that worked in
// the model (consensus-rules, "Timing that worked"); on links of 20-80 ms use `slowLinks`.

export interface Timing {
  /** A peer that got no other message from us for this long gets a heartbeat. */
  readonly heartbeatMs: number;
  /** A peer not heard for this long is suspected (rule 13 counts the others). */
  readonly suspectMs: number;
  /** How often a forwarded envelope is looked at; a home heard recently gets it again. */
  readonly forwardCheckMs: number;
  /** A home silent for this long is taken over from ... */
  readonly homeSilentMs: number;
  /** ... and a home that is heard but does not answer, after this long. */
  readonly homeSlowMs: number;
  /** A round repeats its request to those who have not answered this often. */
  readonly retransmitMs: number;
  /** A round that is not decided after this long has failed. */
  readonly roundMs: number;
  /** The second retry waits uniformly up to this, each later one up to twice as long ... */
  readonly backoffMs: number;
  /** ... but never longer than this. */
  readonly backoffMsMax: number;
  /** A read that asked a bare majority asks the others too after this long. */
  readonly readWidenMs: number;
  /** One attempt of a read; after two it goes through the home. */
  readonly readAttemptMs: number;
  /** Every operation ends by then. Maelstrom's clients wait 1 s. */
  readonly deadlineMs: number;
  /** Heartbeats go on for this long after the last operation submitted here. */
  readonly inUseMs: number;
  /** How long a deleted register is left alone before it is collected (rule 14). 0: for ever. */
  readonly collectMs: number;
}

export const defaultTiming: Timing = {
  heartbeatMs: 100,
  suspectMs: 300,
  forwardCheckMs: 100,
  homeSilentMs: 250,
  homeSlowMs: 420,
  retransmitMs: 60,
  roundMs: 200,
  backoffMs: 20,
  backoffMsMax: 200,
  readWidenMs: 30,
  readAttemptMs: 120,
  deadlineMs: 700,
  inUseMs: 10_000,
  collectMs: 0,
};

/** What to change on links of 20-80 ms one way. */
export const slowLinks: Partial<Timing> = { homeSlowMs: 600, deadlineMs: 850, readWidenMs: 170 };

/**
 * Between processes over TCP: nothing gets lost on the way, but a process may be kept waiting for
 * the processor longer than a round of the defaults lasts, and rounds that always run out choose
 * nothing. Clients there have no second's limit.
 */
export const tcpLinks: Partial<Timing> = {
  heartbeatMs: 200,
  suspectMs: 1_000,
  forwardCheckMs: 250,
  homeSilentMs: 600,
  homeSlowMs: 1_200,
  retransmitMs: 200,
  roundMs: 800,
  readWidenMs: 60,
  readAttemptMs: 500,
  deadlineMs: 2_500,
};

/**
 * Operations of one register that wait for the envelope before theirs; the next one is refused
 * (11).
 */
export const waitingCountMax = 4096;

/** Operations in one envelope; the others wait for the next. */
export const envelopeOperationCountMax = 1024;

/** Quorum reads of one register at once; later reads share the next one. */
export const readRoundCountMax = 2;

/** Replies waiting for the disk; beyond it a reply is dropped, as the network might. */
export const parkedCountMax = 65_536;
