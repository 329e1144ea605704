// INFO persistence: names and order of Redis 7.0.15. What Redis calls a save and a rewrite of its
// append-only file is one thing here, a checkpoint; its append-only file is our log. Fields that
// Redis shows only with an append-only file are shown only with a log, and ours follow them.

import type { Call } from "./call.js";
import { fixed, type InfoField, real } from "./info-field.js";
import type { InfoLine, InfoSection } from "./info-sections.js";
import type { StorageFigures, StoreFigures } from "./storage.js";

/** A figure of the storage, or what stands for it where there is none. */
const figure = (
  name: string,
  absent: string | number,
  read: (figures: StorageFigures) => string | number,
): InfoField =>
  real(name, ({ environment: { storage } }) =>
    storage === undefined ? absent : read(storage.figures),
  );

const whether = (is: boolean): number => (is ? 1 : 0);
const status = (isGood: boolean): string => (isGood ? "ok" : "err");

const fields: readonly InfoField[] = [
  fixed("loading", 0),
  fixed("async_loading", 0),
  fixed("current_cow_peak", 0),
  fixed("current_cow_size", 0),
  fixed("current_cow_size_age", 0),
  fixed("current_fork_perc", "0.00"),
  figure("current_save_keys_processed", 0, ({ savedKeys }) => savedKeys),
  real("current_save_keys_total", ({ environment, keyspace }) =>
    environment.storage?.figures.isSaving === true
      ? keyspace.databases.reduce((sum, db) => sum + db.size, 0)
      : 0,
  ),
  real("rdb_changes_since_last_save", ({ keyspace }) => keyspace.dirty),
  figure("rdb_bgsave_in_progress", 0, ({ isSaving }) => whether(isSaving)),
  real("rdb_last_save_time", ({ environment: { storage, facts } }) =>
    Math.floor((storage?.figures.lastSaveMs ?? facts.startedMs) / 1000),
  ),
  figure("rdb_last_bgsave_status", "ok", ({ isLastSaveGood }) => status(isLastSaveGood)),
  figure("rdb_last_bgsave_time_sec", -1, ({ lastSaveSeconds }) => lastSaveSeconds),
  figure("rdb_current_bgsave_time_sec", -1, ({ currentSaveSeconds }) => currentSaveSeconds),
  figure("rdb_saves", 0, ({ saveCount }) => saveCount),
  fixed("rdb_last_cow_size", 0),
  fixed("rdb_last_load_keys_expired", 0),
  fixed("rdb_last_load_keys_loaded", 0),
  figure("aof_enabled", 0, () => 1),
  figure("aof_rewrite_in_progress", 0, ({ isSaving }) => whether(isSaving)),
  fixed("aof_rewrite_scheduled", 0),
  figure("aof_last_rewrite_time_sec", -1, ({ lastSaveSeconds }) => lastSaveSeconds),
  figure("aof_current_rewrite_time_sec", -1, ({ currentSaveSeconds }) => currentSaveSeconds),
  figure("aof_last_bgrewrite_status", "ok", ({ isLastSaveGood }) => status(isLastSaveGood)),
  figure("aof_rewrites", 0, ({ saveCount }) => saveCount),
  fixed("aof_rewrites_consecutive_failures", 0),
  figure("aof_last_write_status", "ok", ({ logError }) => status(logError === undefined)),
  fixed("aof_last_cow_size", 0),
  fixed("module_fork_in_progress", 0),
  fixed("module_fork_last_cow_size", 0),
];

const logLines = (figures: StorageFigures): InfoLine[] => [
  ["aof_current_size", figures.currentBytes],
  ["aof_base_size", figures.baseBytes],
  ["aof_pending_rewrite", 0],
  ["aof_buffer_length", figures.unsafeBytes],
  ["aof_pending_bio_fsync", whether(figures.isSyncing)],
  ["aof_delayed_fsync", figures.delayedSyncCount],
  ["log_error", figures.logError ?? ""],
  ["log_segments", figures.segmentCount],
  ["log_last_lsn", figures.lastLsn],
  ["log_durable_lsn", figures.safeLsn],
  ["log_recovered_records", figures.recoveredRecords],
  ...(figures.store === undefined ? [] : storeLines(figures.store)),
];

const storeLines = (store: StoreFigures): InfoLine[] => [
  ["store_status", store.state],
  ["store_error", store.error ?? ""],
  ["store_epoch", store.epoch],
  ["store_held_lsn", store.heldLsn],
  ["store_lag_bytes", store.lagBytes],
  ["store_objects", store.objectCount],
  ["store_object_bytes", store.objectBytes],
  ["store_put_objects", store.putObjects],
  ["store_put_bytes", store.putBytes],
  ["store_removed_objects", store.removedObjects],
  ["store_checkpoints", store.checkpointCount],
  ["store_compactions", store.mergeCount],
  ["store_failures", store.failureCount],
];

export const persistence: InfoSection = {
  name: "persistence",
  title: "Persistence",
  isDefault: true,
  fields,
  lines: (call: Call) => {
    const { storage } = call.environment;
    const lines = fields.map((field): InfoLine => [field.name, field.read(call)]);
    return storage === undefined ? lines : [...lines, ...logLines(storage.figures)];
  },
};
