// Planted bugs of the log: what is told before it is durable, what is trusted that the disk has
// lost, what is cut or kept wrongly, and what the log forgets to write.

const durability = "test/storage/durability.test.ts";
const cluster = "test/storage/cluster.test.ts";
const recovery = "test/storage/recovery.test.ts";
const redo = "test/keyspace/redo.test.ts";
const walk = "test/keyspace/key-walk.test.ts";

export const plantedInStorage = [
  {
    name: "log_acknowledges_before_fsync",
    story: "under always a reply leaves before the disk has said that its write is durable",
    file: "src/node/journal.ts",
    find: "return this.#source.keyspace.hasOpenBatch || wal.hasUnsafe;",
    replace: "return false;",
    suite: durability,
  },
  {
    name: "log_told_synced_in_loop",
    story: "a sync that the event loop should wait for is not made",
    file: "src/host/disk.ts",
    find: "      fdatasyncSync(descriptor);\n",
    replace: "",
    suite: "test/process/folder-disk.test.ts",
  },
  {
    name: "log_blocks_on_a_slow_disk",
    story: "the event loop waits for a disk that takes long, and readers wait with it",
    file: "src/host/sync-pace.ts",
    find: "bytes <= waitBytesMax && this.#averageMs < this.waitMsMax",
    replace: "bytes <= waitBytesMax && this.waitMsMax > 0",
    suite: "test/process/sync-pace.test.ts",
  },
  {
    name: "log_releases_a_later_group",
    story: "with the replies of one group those of the next leave, which no sync has covered",
    file: "src/wire/held-replies.ts",
    find: "this.#groups[this.#first]! <= group",
    replace: "this.#groups[this.#first]! <= group + 1",
    suite: "test/wire/held-replies.test.ts",
  },
  {
    name: "log_held_replies_move_wrongly",
    story: "replies that stay while others leave are cut out of the wrong bytes",
    file: "src/wire/held-replies.ts",
    find: "this.#ends[i] = this.#ends[from]! - base;",
    replace: "this.#ends[i] = this.#ends[from]!;",
    suite: "test/wire/held-replies.test.ts",
  },
  {
    name: "save_points_ignore_changes",
    story: "a node that nobody writes to saves again and again",
    file: "src/node/save-points.ts",
    find: "changes >= point.changes && sinceMs",
    replace: "sinceMs",
    suite: "test/node/save-points.test.ts",
  },
  {
    name: "log_rotates_without_fsync",
    story: "the last records of a file are never forced, because another file is begun",
    file: "src/storage/wal.ts",
    find: "this.#disk.sync(segmentName(this.#segment), (error) => this.#onSynced(error), isAwaited);",
    replace:
      "if (this.#goodBytes >= this.#segmentBytes) this.#onSynced(undefined);\n" +
      "    else this.#disk.sync(segmentName(this.#segment), (error) => this.#onSynced(error), isAwaited);",
    suite: durability,
  },
  {
    name: "log_truncated_above_the_mark",
    story: "a checkpoint takes a file of the log away that recovery still needs",
    file: "src/storage/wal.ts",
    find: "this.segments[1]!.firstLsn <= lsn)",
    replace: "this.segments[1]!.firstLsn <= lsn + 4)",
    suite: recovery,
  },
  {
    name: "log_identity_kept_after_lost_tail",
    story: "a replica goes on under its name although peers know writes of it that it has lost",
    file: "src/storage/start-record.ts",
    find: 'return previous.policy === "always" && !end.isCut;',
    replace: "return true;",
    suite: `${cluster} -t somebody new`,
  },
  {
    name: "log_torn_tail_not_cut",
    story: "the rest of a torn write stays in the file, and the next start stumbles over it",
    file: "src/storage/recovery.ts",
    find: "this.#disk.truncate(last.name, scan.offset);",
    replace: "",
    suite: recovery,
  },
  {
    name: "log_votes_before_durable",
    story: "an acceptor promises what a crash makes it forget",
    file: "src/node/journal.ts",
    find: "this.#votes.push({ group: this.wal.openGroup, lsn });",
    replace: "this.#source.registers.persisted(this.#source.nowMs, lsn);",
    suite: `${cluster} -t registers survive`,
  },
  {
    name: "log_votes_before_earlier_writes",
    story: "a torn write keeps a client's SET of a linearizable key and loses what it wrote before",
    file: "src/node/journal.ts",
    find: "    this.closeOpenBatch();\n    this.#log(recordKinds.consensus, 0, record, true);",
    replace: "    this.#log(recordKinds.consensus, 0, record, true);",
    suite: `${durability} -t linearizable`,
  },
  {
    name: "log_gossips_before_durable",
    story: "under always a peer hears of a write that a crash then takes back",
    file: "src/node/replication-port.ts",
    find: "if (log === undefined || !log.isHoldingMessages) {",
    replace: "if (to !== undefined) {",
    suite: `${cluster} -t crashes of machines under always`,
  },
  {
    name: "log_holds_for_a_group_that_nobody_forces",
    story: "behind a reply that waited for the disk the next ones wait for ever under no",
    file: "src/node/journal.ts",
    find: "    if (!this.mustHold) return 0;\n",
    replace: "",
    suite: `${cluster} -t behind a reply`,
  },
  {
    name: "log_writes_back_what_it_misreads",
    story: "a disk answers once with a page as it was, and the start writes that over the log",
    file: "src/storage/recovery.ts",
    find: "        piece.raw(wholeOf(frame));\n",
    replace: "        piece.raw(disk.read(name, at + piece.length, frame.size));\n",
    suite: `${recovery} -t read as it once was`,
  },
  {
    name: "log_first_record_misread",
    story: "the first record does not read, all behind it is taken for a torn write and cut off",
    file: "src/storage/recovery.ts",
    find: "for (let frame = next(); frame !== undefined; frame = next()) {",
    replace: "for (let frame = scan.next(); frame !== undefined; frame = next()) {",
    suite: `${recovery} -t read as it once was`,
  },
  {
    name: "log_names_behind_lost_ones",
    story: "a log whose names are damaged cannot even be salvaged",
    file: "src/storage/names.ts",
    find: "  if (index > replicas.count) return false;\n",
    replace: "",
    suite: `${recovery} -t behind lost ones`,
  },
  {
    name: "log_recovered_tail_not_forced",
    story: "a killed process left records in memory only, and the next one calls them durable",
    file: "src/storage/recovery.ts",
    find: "      if (!isClean) this.#writeAnew(last);\n",
    replace: "",
    suite: `${recovery} -t killed process`,
  },
  {
    name: "log_recovered_tail_synced_in_place",
    story:
      "a sync failed, the process was killed; the next one syncs again, is told yes, and loses it",
    file: "src/storage/recovery.ts",
    find: "if (!isClean) this.#writeAnew(last);",
    replace: "this.#disk.syncNow(last.name);",
    suite: `${recovery} -t failed sync`,
  },
  {
    name: "log_trusts_after_failed_fsync",
    story: "after a failed sync the records count as durable",
    file: "src/storage/wal.ts",
    find: "    if (error !== undefined) {\n      this.counters.failedSyncCount++;",
    replace:
      "    if (error !== undefined && this.error !== undefined) {\n      this.counters.failedSyncCount++;",
    suite: recovery,
  },
  {
    name: "log_damage_taken_for_a_torn_end",
    story: "records behind a damaged one are dropped as if they had never been durable",
    file: "src/storage/recovery.ts",
    find: "if (later.safeLsn < missing) continue;",
    replace: "if (later.safeLsn >= missing) continue;",
    suite: recovery,
  },
  {
    name: "redo_misses_elements",
    story: "a field written into a large hash is not in the log",
    file: "src/keyspace/collection-edit.ts",
    find: "if (capture === undefined && redo === undefined) {",
    replace: "if (capture === undefined) {",
    suite: redo,
  },
  {
    name: "redo_misses_deadlines",
    story: "EXPIRE on a string is not in the log",
    file: "src/keyspace/deadline-record.ts",
    find: "    keyspace.willWrite(db, ref, key, 0, key.length);\n",
    replace: "",
    suite: redo,
  },
  {
    name: "redo_misses_counts",
    story: "INCR of a counter in place is not in the log",
    file: "src/keyspace/text.ts",
    find:
      "    keyspace.writeBatchTime(ref);\n" +
      "    keyspace.didWriteRecord(db, ref, keyBytes, keyStart, keyLength);",
    replace:
      "    keyspace.writeBatchTime(ref);\n" +
      "    keyspace.didWrite(db, keyBytes, keyStart, keyLength);",
    suite: redo,
  },
  {
    name: "redo_misses_encodings",
    story: "OBJECT ENCODING of what BITOP wrote is another one after a restart",
    file: "src/keyspace/text.ts",
    find: "  keyspace.willWrite(db, ref, keyBytes, keyStart, keyLength);\n  record.markRoomy",
    replace: "  record.markRoomy",
    suite: `${redo} -t name of its encoding`,
  },
  {
    name: "redo_writes_a_key_for_every_touch",
    story: "a thousand APPENDs in one turn put the whole string into the log a thousand times",
    file: "src/keyspace/redo-log.ts",
    find: "if (this.#written.has(ref)) return;",
    replace: "",
    suite: `${redo} -t logged once`,
  },
  {
    name: "walk_of_a_list_goes_on_by_place",
    story: "elements that pops have moved forward between two pieces are not in the checkpoint",
    file: "src/keyspace/list-store.ts",
    find:
      "      yield;\n      if (!this.#locate(last)) this.at--;\n" +
      "      if (this.elementCount > 0) this.step(false);",
    replace:
      "      const place = this.chunk;\n      yield;\n" +
      "      this.#locate(last);\n      this.chunk = place + 1;\n      this.at = 0;",
    suite: walk,
  },
  {
    name: "walk_skips_behind_an_acknowledged_entry",
    story: "XACK during a checkpoint takes the next pending entry out of it as well",
    file: "src/keyspace/stream-groups.ts",
    find: "has = pending.find(id) ? pending.next() : pending.seek(id);",
    replace: "pending.find(id);\n      has = pending.next();",
    suite: walk,
  },
  {
    name: "checkpoint_holds_everybody_up",
    story: "a sorted set of a million members is written in one piece while every client waits",
    file: "src/keyspace/key-walk.ts",
    find: "return this.#keyspace.entryOf(ref).elementCount > this.#limits.elements;",
    replace: "return false;",
    suite: walk,
  },
  {
    name: "start_takes_a_torn_file_for_damage",
    story: "a node that an object store brought back and a crash then met refuses every start",
    file: "src/storage/recovery.ts",
    find: "if (before !== undefined) least = Math.max(least, this.#lastLsnOf(before) + 1);",
    replace: "if (before !== undefined) least = this.#lastLsnOf(before) + 1;",
    suite: `${recovery} -t reaches further than the log`,
  },
  {
    name: "redo_misses_flush",
    story: "FLUSHALL is undone by a restart",
    file: "src/keyspace/flush.ts",
    find: "keyspace.redo?.willFlush(keyspace, keyspace.databases);",
    replace: "",
    suite: redo,
  },
  {
    name: "peers_hear_what_the_disk_refused",
    story: "a full disk refuses a write, its peers have it, and a crash makes two of its name",
    file: "src/node/replication-port.ts",
    find: "!log.isHoldingMessages",
    replace: "!log.isHolding",
    suite: `${cluster} -t full disk`,
  },
];
