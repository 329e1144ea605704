// What a Maelstrom node may be told on its command line, after Maelstrom's `--`.

import type { ConsistencyMode } from "../host/config-table.js";

/**
 * Options of `skerry maelstrom`; what is undefined was not given and has the workload's default.
 */
export interface MaelstromOptions {
  /** Mode of every key; undefined: lin-kv is linearizable, the other workloads are eventual. */
  readonly consistency: ConsistencyMode | undefined;
  /** P: node nK also listens for Redis clients on 127.0.0.1, port P + K. Undefined: no listener. */
  readonly port: number | undefined;
  /** Seed of the node's random choices; undefined: drawn from the system. */
  readonly seed: number | undefined;
  /** The node keeps a log in a folder of its name in this one. Undefined: it keeps nothing. */
  readonly dataFolder: string | undefined;
  /** One line per message on stderr. */
  readonly isTraced: boolean;
}
