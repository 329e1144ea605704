// What a command may ask of the node around it, beyond its keys. The node implements it; a register's change
// function and tests implement as much as they need. Nothing here does I/O: closing a connection or shutting
// down is an effect that the host carries out after the turn.

import type { Command } from "./command.js";
import type { Session } from "./session.js";
import type { Settings } from "./settings.js";

/** Figures that INFO shows and CONFIG RESETSTAT clears. Counters only grow between resets. */
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
}

/** Facts about the process, which only the host can know. All sizes in bytes. */
export interface HostFacts {
  readonly processId: number;
  readonly nodeVersion: string;
  readonly operatingSystem: string;
  readonly architecture: string;
  readonly executable: string;
  readonly configFile: string;
  readonly startedMs: number;
  readonly port: number;
  readonly runId: string;
  /** Sampled by the host about once a second. */
  residentBytes: number;
  peakResidentBytes: number;
  heapBytes: number;
  totalMemoryBytes: number;
  cpuUserSeconds: number;
  cpuSystemSeconds: number;
}

export interface Environment {
  /** Microseconds since 1970 at the beginning of this turn. */
  readonly nowMicros: number;
  /** Uniform in [0, 1), from the node's seeded generator. */
  random(): number;
  readonly settings: Settings;
  readonly statistics: Statistics;
  readonly facts: HostFacts;
  /** By lower-case name; `container|sub` for a subcommand. */
  findCommand(name: string): Command | undefined;
  allCommands(): readonly Command[];
  sessions(): Iterable<Session>;
  findSession(id: number): Session | undefined;
  /** Closes a connection once its replies have left; other sessions' connections close at once. */
  closeSession(session: Session): void;
  /** A session's state changed so that its `gates` must be worked out again (AUTH, SELECT, REPLY, ...). */
  /** CLIENT PAUSE: until `untilMs` (Unix) no writes, or no commands at all, are run. 0 ends it. */
  pause(untilMs: number, what: "write" | "all"): void;
  /** Ends the process in order, after this turn. */
  shutdown(save: boolean): void;
  /** Further INFO sections by name, each answering its lines: replication, consensus, storage register here. */
  readonly infoSections: Map<string, () => string>;
  /** Microseconds of a clock that only measures (LATENCY, SLOWLOG); never for decisions. */
  measureMicros(): number;
}
