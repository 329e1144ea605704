// What a node is made with: who it is, what it is told to be, and what only the host can know.

import type { ReplicaTable } from "../clock/replica-table.js";
import type { CommandSpec } from "../commands/command.js";
import type { HostFacts } from "../commands/environment.js";
import type { Settings } from "../commands/settings.js";
import type { ShardsOptions } from "../keyspace/shards.js";
import type { Timing } from "../replication/timing.js";
import type { ClusteringOptions } from "./clustering.js";
import type { ConsistencyRules } from "./consistency.js";

export interface NodeOptions {
  /** This node's name, `n1`; all names of the cluster, this one included. */
  readonly name: string;
  readonly members: readonly string[];
  /**
   * Tells this process from earlier ones of the same node; the registers vote only with the first.
   */
  readonly incarnation: number;
  /** What a log says of this node's past (journal.ts); without one the node is new. */
  readonly past?: NodePast;
  readonly consistency: ConsistencyRules;
  /** Start of the node's random choices. */
  readonly seed: number;
  readonly commands: readonly (readonly CommandSpec[])[];
  readonly settings: Settings;
  readonly facts: HostFacts;
  readonly databaseCount?: number;
  /** As of `KeyspaceOptions`. */
  readonly slabCapacity?: number;
  readonly measureMicros: () => number;
  readonly shards?: ShardsOptions;
  readonly timing?: Partial<Timing>;
  /** A cluster whose nodes come and go; `members` is then this node alone. */
  readonly cluster?: ClusteringOptions;
}

/** Who a node was before, so that it goes on as itself. */
export interface NodePast {
  /** Names of replicas in the order of the log that uses them. */
  readonly replicas: ReplicaTable;
  /** The name under which this process writes. */
  readonly replica: string;
  /** The incarnation in which the state of the registers began. */
  readonly stateIncarnation: number;
}
