// What a command may ask of the node around it, beyond its keys. The node implements it; a
// register's change function and tests implement as much as they need. Nothing here does I/O:
// closing a connection or shutting down is an effect that the host carries out after the turn.

import type { Bytes } from "../base/bytes.js";
import type { Wait } from "./blocking.js";
import type { Call } from "./call.js";
import type { ClusterView } from "./cluster-view.js";
import type { Command } from "./command.js";
import type { LatencyMonitor } from "./latency-monitor.js";
import type { Channels } from "./pubsub-channels.js";
import type { Session } from "./session.js";
import type { Settings } from "./settings.js";
import type { SlowLog } from "./slowlog.js";
import type { Storage } from "./storage.js";

/**
 * Figures that INFO shows and CONFIG RESETSTAT clears. Counters only grow between resets.
 * `ServerStatistics` implements it; the node counts, and calls its `sample` about every 100 ms.
 */
export interface Statistics {
  connectionsReceived: number;
  commandsProcessed: number;
  inputBytes: number;
  outputBytes: number;
  rejectedConnections: number;
  errorReplies: number;
  /** Error replies by their first word. */
  readonly errorsByPrefix: Map<string, number>;
  evictedKeys: number;
  blockedClients: number;
  evictedClients: number;
  /** Reads from and writes to sockets. */
  readsProcessed: number;
  writesProcessed: number;
  /** Errors on internal paths, where none can be. */
  unexpectedErrorReplies: number;
  /** Large values whose memory was given back outside the command that dropped them. */
  lazyFreedObjects: number;
  /** The most memory in use at any sampling. */
  memoryPeakBytes: number;
  readonly operationsPerSecond: number;
  readonly inputBytesPerSecond: number;
  readonly outputBytesPerSecond: number;
  /** CONFIG RESETSTAT. */
  reset(): void;
}

/** Switches that DEBUG sets for tests. The node looks at them where they matter. */
export interface DebugSwitches {
  /**
   * DEBUG SET-ACTIVE-EXPIRE: whether keys past their deadline are removed before somebody asks for
   * them.
   */
  activeExpire: boolean;
  /** DEBUG PAUSE-CRON: no periodic work at all. */
  cronPaused: boolean;
  /**
   * DEBUG SET-DISABLE-DENY-SCRIPTS: commands that scripts must not call may be called all the same.
   */
  scriptsMayCallAll: boolean;
  /** DEBUG QUICKLIST-PACKED-THRESHOLD, in bytes; 0 is the default. */
  packedThresholdBytes: number;
}

/** Facts about the process, which only the host can know. All sizes in bytes. */
export interface HostFacts {
  readonly processId: number;
  readonly nodeVersion: string;
  readonly operatingSystem: string;
  readonly architecture: string;
  readonly executable: string;
  /** Path of the config file that CONFIG REWRITE may replace, or empty. */
  readonly configFile: string;
  /** Skerry's own version, as in package.json. */
  readonly version: string;
  readonly startedMs: number;
  readonly port: number;
  readonly runId: string;
  /** Sampled by the host about once a second. */
  residentBytes: number;
  peakResidentBytes: number;
  heapBytes: number;
  /** What `usedMemory` was once the node had started, before any key. */
  readonly startMemoryBytes: number;
  totalMemoryBytes: number;
  cpuUserSeconds: number;
  cpuSystemSeconds: number;
}

export interface Environment {
  /** Microseconds since 1970 at the beginning of this turn. */
  readonly nowMicros: number;
  /** Uniform in [0, 1), from the node's seeded generator. */
  random(): number;
  /** 32 random bits as a signed integer, from the same generator. */
  randomBits(): number;
  readonly settings: Settings;
  readonly statistics: Statistics;
  readonly slowLog: SlowLog;
  readonly latency: LatencyMonitor;
  readonly debug: DebugSwitches;
  readonly facts: HostFacts;
  /** Who listens to which channel; absent where nobody can. */
  readonly channels?: Channels;
  /** The cluster that this node is part of; absent for a node alone. */
  readonly cluster?: ClusterView | undefined;
  /** By lower-case name; `container|sub` for a subcommand. */
  findCommand(name: string): Command | undefined;
  allCommands(): readonly Command[];
  sessions(): Iterable<Session>;
  findSession(id: number): Session | undefined;
  /** Closes a connection once its replies have left; other sessions' connections close at once. */
  closeSession(session: Session): void;
  /**
   * RESET: ends what other families keep for the session: transaction, watches, subscriptions,
   * tracking, MONITOR. The session's own fields (database, protocol, name, user, reply mode) are
   * the command's business.
   */
  releaseSession(session: Session): void;
  /**
   * Keeps the running command's session waiting for keys (blocking.ts); its arguments are copied.
   * Absent where nothing may wait.
   */
  park?(call: Call, wait: Wait): void;
  /**
   * CLIENT UNBLOCK: ends the wait of a session that is blocked in a command, as its timeout would,
   * or with the error `UNBLOCKED client unblocked via CLIENT UNBLOCK`. False when it was not
   * blocked.
   */
  unblock(session: Session, how: "timeout" | "error"): boolean;
  /**
   * CLIENT PAUSE: until `untilMs` (Unix) no writes, or no commands at all, are run. 0 ends it. A
   * pause while one is open never shortens or weakens it: the later end and the wider kind hold.
   */
  pause(untilMs: number, what: "write" | "all"): void;
  /**
   * DEBUG SLEEP: the node does nothing for so many microseconds before this returns. The real host
   * blocks its thread; a simulation may let its clock pass or do nothing.
   */
  stall(micros: number): void;
  /**
   * CONFIG REWRITE: writes the settings into the config file, which exists (`facts.configFile`).
   * Returns why it could not, or undefined. Absent when this node has no such file.
   */
  rewriteConfig?(): string | undefined;
  /** Why nothing that is written can be kept at the moment; undefined while it can. */
  readonly logError?: string | undefined;
  /** Absent on a node that keeps its data in memory only. */
  readonly storage?: Storage;
  /** Keeps the running command's session waiting until `answerWaiting`. */
  keepWaiting?(call: Call): void;
  /** The reply, in the session's protocol, of a session that was kept waiting. */
  answerWaiting?(session: Session, reply: Bytes): void;
  /** Ends the process in order, after this turn. */
  shutdown(save: boolean): void;
  /**
   * Further INFO sections by name, each answering its lines: replication, consensus, storage
   * register here.
   */
  readonly infoSections: Map<string, () => string>;
  /** Microseconds of a clock that only measures (LATENCY, SLOWLOG); never for decisions. */
  measureMicros(): number;
}
