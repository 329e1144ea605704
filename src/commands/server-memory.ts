// How much memory the node uses, as INFO memory and MEMORY STATS show it. What lives outside the
// garbage collector is counted exactly; its share of the heap is what the host sampled last, about
// a second ago.

import type { Keyspace } from "../keyspace/keyspace.js";
import { clientMemory } from "./client-line.js";
import type { Environment, HostFacts } from "./environment.js";

export interface MemoryFigures {
  /** Everything in use. */
  readonly used: number;
  /** What was in use before the first key. */
  readonly startup: number;
  /** Tables and clients: what the data costs beside itself, `startup` included. */
  readonly overhead: number;
  readonly dataset: number;
  readonly clients: number;
  readonly tables: number;
  /** Reserved from the system: slabs as a whole. */
  readonly reserved: number;
  readonly keys: number;
}

/** Bytes of keys and values and of the tables that find them. */
export function dataBytes(keyspace: Keyspace): number {
  return keyspace.arena.liveBytes + keyspace.externalBytes + tableBytes(keyspace);
}

const tableBytes = (keyspace: Keyspace): number =>
  keyspace.databases.reduce((sum, db) => sum + db.keys.tableBytes, 0) + keyspace.expiry.count * 12;

/** Memory in use: what `maxmemory` would be compared with. */
export const usedMemory = (keyspace: Keyspace, facts: HostFacts): number =>
  facts.heapBytes + dataBytes(keyspace);

const slabBytes = 64 * 1024 * 1024;

export function memoryFigures(keyspace: Keyspace, environment: Environment): MemoryFigures {
  const { facts } = environment;
  let clients = 0;
  for (const session of environment.sessions()) clients += clientMemory(session);
  const used = usedMemory(keyspace, facts);
  const tables = tableBytes(keyspace);
  const startup = Math.min(used, facts.startMemoryBytes);
  const overhead = Math.min(used, startup + tables + clients);
  const { arena } = keyspace;
  return {
    used,
    startup,
    overhead,
    dataset: used - overhead,
    clients,
    tables,
    reserved: used - arena.liveBytes + arena.slabCount * slabBytes,
    keys: keyspace.databases.reduce((sum, db) => sum + db.size, 0),
  };
}
