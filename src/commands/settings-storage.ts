// CONFIG parameters of files: snapshots, append-only log, what happens when a disk fails. Defaults
// and ranges are those of Redis 7.0.15.

import type { SettingSpec } from "./settings.js";
import { choice, flag, integer, memory, text, words } from "./settings-rows.js";
import { int32Max, int32Min, int64Max, readFileName, readSavePoints } from "./settings-values.js";

export const storageSettings: readonly SettingSpec[] = [
  flag("rdbchecksum", "yes", { immutable: true }),
  flag("rdbcompression", "yes"),
  flag("rdb-del-sync-files", "no"),
  flag("stop-writes-on-bgsave-error", "yes"),
  flag("aof-rewrite-incremental-fsync", "yes"),
  flag("no-appendfsync-on-rewrite", "no"),
  flag("rdb-save-incremental-fsync", "yes"),
  flag("aof-load-truncated", "yes"),
  flag("aof-use-rdb-preamble", "yes"),
  flag("aof-timestamp-enabled", "no"),
  flag("appendonly", "no", { real: true }),
  flag("aof-disable-auto-gc", "no"),
  text("dbfilename", "dump.rdb", {
    guarded: true,
    read: readFileName("dbfilename", "filename", true),
  }),
  text("appendfilename", "appendonly.aof", {
    immutable: true,
    read: readFileName("appendfilename", "filename", false),
  }),
  text("appenddirname", "appendonlydir", {
    immutable: true,
    read: readFileName("appenddirname", "dirname", false),
  }),
  text("aof_rewrite_cpulist", "", { immutable: true }),
  choice("appendfsync", "everysec", ["everysec", "always", "no"], { real: true }),
  choice("sanitize-dump-payload", "no", ["no", "yes", "clients"]),
  integer("auto-aof-rewrite-percentage", "100", 0, int32Max, { real: true }),
  integer("rdb-key-save-delay", "0", int32Min, int32Max, { hidden: true }),
  integer("key-load-delay", "0", int32Min, int32Max, { hidden: true }),
  memory("auto-aof-rewrite-min-size", "67108864", 0, int64Max, { real: true }),
  integer("loading-process-events-interval-bytes", "2097152", 1024, int32Max, { hidden: true }),
  text("dir", "/", { guarded: true }),
  words("save", "3600 1 300 100 60 10000", readSavePoints, { real: true }),
];
