// INFO memory. Where Redis speaks of its allocator, the arena's slabs and the heap stand in.

import type { Call } from "./call.js";
import { fixed, type InfoField, real } from "./info-field.js";
import { type MemoryFigures, memoryFigures } from "./server-memory.js";

/** A number of bytes as Redis shortens it: `1.50M`. */
export function humanBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`;
  let value = bytes;
  for (const unit of ["K", "M", "G", "T", "P"]) {
    value /= 1024;
    if (value < 1024 || unit === "P") return `${value.toFixed(2)}${unit}`;
  }
  return `${bytes}B`;
}

/** The figures of one INFO; each field works them out anew, which costs little beside the text. */
const figure =
  (read: (figures: MemoryFigures, call: Call) => string | number): InfoField["read"] =>
  (call) =>
    read(memoryFigures(call.keyspace, call.environment), call);

const peakOf = ({ used }: MemoryFigures, { environment }: Call): number =>
  Math.max(environment.statistics.memoryPeakBytes, used);

const residentOf = ({ environment }: Call): number => environment.facts.residentBytes;

const ratio = (part: number, whole: number): string => (whole === 0 ? 0 : part / whole).toFixed(2);

const percent = (part: number, whole: number): string => `${ratio(part * 100, whole)}%`;

const maxMemory = ({ environment }: Call): number => environment.settings.number("maxmemory");

export const memoryFields: readonly InfoField[] = [
  real(
    "used_memory",
    figure(({ used }) => used),
  ),
  real(
    "used_memory_human",
    figure(({ used }) => humanBytes(used)),
  ),
  real("used_memory_rss", residentOf),
  real("used_memory_rss_human", (call) => humanBytes(residentOf(call))),
  real("used_memory_peak", figure(peakOf)),
  real(
    "used_memory_peak_human",
    figure((figures, call) => humanBytes(peakOf(figures, call))),
  ),
  real(
    "used_memory_peak_perc",
    figure((f, call) => percent(f.used, peakOf(f, call))),
  ),
  real(
    "used_memory_overhead",
    figure(({ overhead }) => overhead),
  ),
  real(
    "used_memory_startup",
    figure(({ startup }) => startup),
  ),
  real(
    "used_memory_dataset",
    figure(({ dataset }) => dataset),
  ),
  real(
    "used_memory_dataset_perc",
    figure((f) => percent(f.dataset, f.used - f.startup)),
  ),
  real(
    "allocator_allocated",
    figure(({ used }) => used),
  ),
  real(
    "allocator_active",
    figure(({ reserved }) => reserved),
  ),
  real("allocator_resident", residentOf),
  real("total_system_memory", ({ environment }) => environment.facts.totalMemoryBytes),
  real("total_system_memory_human", ({ environment }) =>
    humanBytes(environment.facts.totalMemoryBytes),
  ),
  fixed("used_memory_lua", 0),
  fixed("used_memory_vm_eval", 0),
  fixed("used_memory_lua_human", "0B"),
  fixed("used_memory_scripts_eval", 0),
  fixed("number_of_cached_scripts", 0),
  fixed("number_of_functions", 0),
  fixed("number_of_libraries", 0),
  fixed("used_memory_vm_functions", 0),
  fixed("used_memory_vm_total", 0),
  fixed("used_memory_vm_total_human", "0B"),
  fixed("used_memory_functions", 0),
  fixed("used_memory_scripts", 0),
  fixed("used_memory_scripts_human", "0B"),
  real("maxmemory", maxMemory),
  real("maxmemory_human", (call) => humanBytes(maxMemory(call))),
  real("maxmemory_policy", ({ environment }) => environment.settings.get("maxmemory-policy")!),
  real(
    "allocator_frag_ratio",
    figure(({ reserved, used }) => ratio(reserved, used)),
  ),
  real(
    "allocator_frag_bytes",
    figure(({ reserved, used }) => reserved - used),
  ),
  real(
    "allocator_rss_ratio",
    figure((f, call) => ratio(residentOf(call), f.reserved)),
  ),
  real(
    "allocator_rss_bytes",
    figure((f, call) => residentOf(call) - f.reserved),
  ),
  fixed("rss_overhead_ratio", "1.00"),
  fixed("rss_overhead_bytes", 0),
  real(
    "mem_fragmentation_ratio",
    figure((f, call) => ratio(residentOf(call), f.used)),
  ),
  real(
    "mem_fragmentation_bytes",
    figure((f, call) => residentOf(call) - f.used),
  ),
  fixed("mem_not_counted_for_evict", 0),
  fixed("mem_replication_backlog", 0),
  fixed("mem_total_replication_buffers", 0),
  fixed("mem_clients_slaves", 0),
  real(
    "mem_clients_normal",
    figure(({ clients }) => clients),
  ),
  fixed("mem_cluster_links", 0),
  fixed("mem_aof_buffer", 0),
  fixed("mem_allocator", "skerry-arena"),
  fixed("active_defrag_running", 0),
  fixed("lazyfree_pending_objects", 0),
  real("lazyfreed_objects", ({ environment }) => environment.statistics.lazyFreedObjects),
];
