// INFO's sections and fields: names and order of Redis 7.0.15. Each field says whether its value is
// real here or stands for something this node does not have and shows as Redis shows its absence.

import type { Call } from "./call.js";
import { redisVersion } from "./connection.js";
import { fixed, type InfoField, real } from "./info-field.js";
import { memoryFields } from "./info-memory.js";
import { persistence } from "./info-persistence.js";
import { commandLines, errorLines, latencyLines } from "./info-statistics.js";
import { outcome } from "./session.js";

export type InfoLine = readonly [name: string, value: string | number];

export interface InfoSection {
  readonly name: string;
  readonly title: string;
  /** Shown by INFO without arguments. */
  readonly isDefault: boolean;
  readonly fields: readonly InfoField[];
  readonly lines: (call: Call) => InfoLine[];
}

const section = (name: string, title: string, fields: readonly InfoField[]): InfoSection => ({
  name,
  title,
  isDefault: true,
  fields,
  lines: (call) => fields.map((field) => [field.name, field.read(call)] as const),
});

const listing = (
  name: string,
  title: string,
  isDefault: boolean,
  lines: InfoSection["lines"],
): InfoSection => ({ name, title, isDefault, fields: [], lines });

const nowMs = (call: Call): number => call.environment.nowMicros / 1000;

const uptimeSeconds = (call: Call): number =>
  Math.max(0, Math.floor((nowMs(call) - call.environment.facts.startedMs) / 1000));

const setting = (name: string) => (call: Call) => call.environment.settings.get(name)!;

const server = section("server", "Server", [
  fixed("redis_version", redisVersion),
  real("skerry_version", ({ environment }) => environment.facts.version),
  fixed("redis_git_sha1", "00000000"),
  fixed("redis_git_dirty", 0),
  fixed("redis_build_id", "0"),
  fixed("redis_mode", "standalone"),
  real("os", ({ environment }) => environment.facts.operatingSystem),
  fixed("arch_bits", 64),
  fixed("monotonic_clock", "POSIX clock_gettime"),
  fixed("multiplexing_api", "libuv"),
  fixed("atomicvar_api", "none"),
  fixed("gcc_version", "0.0.0"),
  real("node_version", ({ environment }) => environment.facts.nodeVersion),
  real("process_id", ({ environment }) => environment.facts.processId),
  fixed("process_supervised", "no"),
  real("run_id", ({ environment }) => environment.facts.runId),
  real("tcp_port", ({ environment }) => environment.facts.port),
  real("server_time_usec", ({ environment }) => Math.floor(environment.nowMicros)),
  real("uptime_in_seconds", uptimeSeconds),
  real("uptime_in_days", (call) => Math.floor(uptimeSeconds(call) / 86_400)),
  real("hz", setting("hz")),
  real("configured_hz", setting("hz")),
  real("lru_clock", (call) => Math.floor(nowMs(call) / 1000) % 2 ** 24),
  real("executable", ({ environment }) => environment.facts.executable),
  real("config_file", ({ environment }) => environment.facts.configFile),
  fixed("io_threads_active", 0),
]);

/** Sessions that are not on their way out. */
const countSessions = (call: Call, isCounted: (waiting: number) => boolean): number => {
  let count = 0;
  for (const session of call.environment.sessions()) {
    const isLeaving = session.closeAfterReply && session !== call.session;
    if (!isLeaving && isCounted(session.waiting)) count++;
  }
  return count;
};

const largest = (call: Call, what: "tailLength" | "unreadBytes"): number => {
  let bytes = 0;
  for (const session of call.environment.sessions()) bytes = Math.max(bytes, session[what]);
  return bytes;
};

const isBlocked = (waiting: number): boolean => waiting === outcome.blocked;
/** For keys, or for the end of a pause. */
const isHeld = (waiting: number): boolean => isBlocked(waiting) || waiting === outcome.postponed;

const clients = section("clients", "Clients", [
  real("connected_clients", (call) => countSessions(call, () => true)),
  fixed("cluster_connections", 0),
  real("maxclients", setting("maxclients")),
  real("client_recent_max_input_buffer", (call) => largest(call, "tailLength")),
  real("client_recent_max_output_buffer", (call) => largest(call, "unreadBytes")),
  real("blocked_clients", (call) => countSessions(call, isHeld)),
  fixed("tracking_clients", 0),
  real("clients_in_timeout_table", (call) => countSessions(call, isBlocked)),
]);

const kilobytes = (bytes: number): string => (bytes / 1024).toFixed(2);

const statistics = section("stats", "Stats", [
  real("total_connections_received", ({ environment: e }) => e.statistics.connectionsReceived),
  real("total_commands_processed", ({ environment: e }) => e.statistics.commandsProcessed),
  real("instantaneous_ops_per_sec", ({ environment: e }) => e.statistics.operationsPerSecond),
  real("total_net_input_bytes", ({ environment: e }) => e.statistics.inputBytes),
  real("total_net_output_bytes", ({ environment: e }) => e.statistics.outputBytes),
  fixed("total_net_repl_input_bytes", 0),
  fixed("total_net_repl_output_bytes", 0),
  real("instantaneous_input_kbps", (call) =>
    kilobytes(call.environment.statistics.inputBytesPerSecond),
  ),
  real("instantaneous_output_kbps", (call) =>
    kilobytes(call.environment.statistics.outputBytesPerSecond),
  ),
  fixed("instantaneous_input_repl_kbps", "0.00"),
  fixed("instantaneous_output_repl_kbps", "0.00"),
  real("rejected_connections", ({ environment: e }) => e.statistics.rejectedConnections),
  fixed("sync_full", 0),
  fixed("sync_partial_ok", 0),
  fixed("sync_partial_err", 0),
  real("expired_keys", ({ keyspace }) => keyspace.expiredKeys),
  fixed("expired_stale_perc", "0.00"),
  fixed("expired_time_cap_reached_count", 0),
  fixed("expire_cycle_cpu_milliseconds", 0),
  real("evicted_keys", ({ environment: e }) => e.statistics.evictedKeys),
  real("evicted_clients", ({ environment: e }) => e.statistics.evictedClients),
  fixed("total_eviction_exceeded_time", 0),
  fixed("current_eviction_exceeded_time", 0),
  real("keyspace_hits", ({ keyspace }) => keyspace.hits),
  real("keyspace_misses", ({ keyspace }) => keyspace.misses),
  fixed("pubsub_channels", 0),
  fixed("pubsub_patterns", 0),
  fixed("pubsubshard_channels", 0),
  fixed("latest_fork_usec", 0),
  fixed("total_forks", 0),
  fixed("migrate_cached_sockets", 0),
  fixed("slave_expires_tracked_keys", 0),
  fixed("active_defrag_hits", 0),
  fixed("active_defrag_misses", 0),
  fixed("active_defrag_key_hits", 0),
  fixed("active_defrag_key_misses", 0),
  fixed("total_active_defrag_time", 0),
  fixed("current_active_defrag_time", 0),
  fixed("tracking_total_keys", 0),
  fixed("tracking_total_items", 0),
  fixed("tracking_total_prefixes", 0),
  real("unexpected_error_replies", ({ environment: e }) => e.statistics.unexpectedErrorReplies),
  real("total_error_replies", ({ environment: e }) => e.statistics.errorReplies),
  fixed("dump_payload_sanitizations", 0),
  real("total_reads_processed", ({ environment: e }) => e.statistics.readsProcessed),
  real("total_writes_processed", ({ environment: e }) => e.statistics.writesProcessed),
  fixed("io_threaded_reads_processed", 0),
  fixed("io_threaded_writes_processed", 0),
  fixed("reply_buffer_shrinks", 0),
  fixed("reply_buffer_expands", 0),
]);

const replication = section("replication", "Replication", [
  fixed("role", "master"),
  fixed("connected_slaves", 0),
  fixed("master_failover_state", "no-failover"),
  real("master_replid", ({ environment }) => environment.facts.runId),
  fixed("master_replid2", "0".repeat(40)),
  fixed("master_repl_offset", 0),
  fixed("second_repl_offset", -1),
  fixed("repl_backlog_active", 0),
  real("repl_backlog_size", setting("repl-backlog-size")),
  fixed("repl_backlog_first_byte_offset", 0),
  fixed("repl_backlog_histlen", 0),
]);

const systemSeconds = ({ environment }: Call): string =>
  environment.facts.cpuSystemSeconds.toFixed(6);
const userSeconds = ({ environment }: Call): string => environment.facts.cpuUserSeconds.toFixed(6);

const cpu = section("cpu", "CPU", [
  real("used_cpu_sys", systemSeconds),
  real("used_cpu_user", userSeconds),
  fixed("used_cpu_sys_children", "0.000000"),
  fixed("used_cpu_user_children", "0.000000"),
  real("used_cpu_sys_main_thread", systemSeconds),
  real("used_cpu_user_main_thread", userSeconds),
]);

const keyspaceLines = ({ keyspace }: Call): InfoLine[] =>
  keyspace.databases
    .filter((db) => db.size > 0 || db.expiringCount > 0)
    .map((db) => [`db${db.index}`, `keys=${db.size},expires=${db.expiringCount},avg_ttl=0`]);

export const infoSections: readonly InfoSection[] = [
  server,
  clients,
  section("memory", "Memory", memoryFields),
  persistence,
  statistics,
  replication,
  cpu,
  listing("modules", "Modules", true, () => []),
  listing("commandstats", "Commandstats", false, commandLines),
  listing("errorstats", "Errorstats", true, errorLines),
  listing("latencystats", "Latencystats", false, latencyLines),
  section("cluster", "Cluster", [
    real("cluster_enabled", (call) => Number(call.environment.cluster !== undefined)),
  ]),
  listing("keyspace", "Keyspace", true, keyspaceLines),
];
