// Planted bugs of the keyspace and of the data commands: each is a mistake that is easily made
// there, and the suite named with it must fail while the bug is in.

const arena = "test/keyspace/arena.test.ts";
const index = "test/keyspace/hash-index.test.ts";
const heap = "test/keyspace/expiry-heap.test.ts";
const fold = "test/keyspace/fold.test.ts";
const flush = "test/keyspace/flush.test.ts";
const convergence = "test/commands/convergence.test.ts";
const strings = "test/commands/strings.test.ts";
const numbers = "test/commands/numbers.test.ts";

export const planted = [
  {
    name: "stale_index_slot_after_growth",
    story: "a key drained to the new table stays in the old one too, and outlives its removal",
    file: "src/keyspace/hash-index.ts",
    find: "      old[(slot << 1) + 1] = tombstone;\n      this.#oldUsed--;\n    }\n    this.#drained",
    replace: "      this.#oldUsed--;\n    }\n    this.#drained",
    suite: index,
  },
  {
    name: "removal_leaves_a_hole_in_the_run",
    story: "keys behind a removed one can no longer be reached",
    file: "src/keyspace/hash-index.ts",
    find: "if (((slot - home) & mask) < ((slot - hole) & mask)) continue;",
    replace: "if (((slot - home) & mask) >= 0) continue;",
    suite: index,
  },
  {
    name: "scan_visits_one_table_while_resizing",
    story: "SCAN during a growth misses keys that are still in the old table",
    file: "src/keyspace/hash-index.ts",
    find: "    this.#visitBucket(small, smallMask, at & smallMask, visit);\n",
    replace: "",
    suite: index,
  },
  {
    name: "record_freed_twice",
    story: "the old record of an overwritten key goes to two owners",
    file: "src/keyspace/keyspace.ts",
    find: "    this.freeRecord(db, old);\n    this.noteAttached(db, fresh);",
    replace:
      "    this.freeRecord(db, old);\n    this.freeRecord(db, old);\n    this.noteAttached(db, fresh);",
    suite: strings,
  },
  {
    name: "free_block_of_another_size",
    story: "a freed block is handed to a larger record, which overwrites its neighbour",
    file: "src/keyspace/arena.ts",
    find: "if (rounded <= exactUnitsMax) return rounded;",
    replace: "if (rounded <= exactUnitsMax) return rounded & ~1;",
    suite: arena,
  },
  {
    name: "value_shared_with_the_read_buffer",
    story: "a large value changes when the next request is read",
    file: "src/keyspace/text.ts",
    find: "keyspace.externals.put(value.slice(start, start + length))",
    replace: "keyspace.externals.put(value.subarray(start, start + length))",
    suite: fold,
  },
  {
    name: "heap_position_not_updated_on_move",
    story: "the deadline of one key is cancelled in place of another's",
    file: "src/keyspace/expiry-heap.ts",
    find: "      this.#set(position, this.#refAt(parent), this.#deadlineAt(parent));",
    replace:
      "      this.#deadlines[position >> pageShift]![position & pageMask] = this.#deadlineAt(parent);\n" +
      "      this.#refs[position >> pageShift]![position & pageMask] = this.#refAt(parent);",
    suite: heap,
  },
  {
    name: "persisted_key_not_counted_again",
    story: "SET with a deadline over a key that was made to persist loses count of deadlines",
    file: "src/keyspace/text.ts",
    find: "if (record.heapPositionOf(arena, ref) < 0) db.expiringCount++;",
    replace: "",
    suite: heap,
  },
  {
    name: "in_place_set_forgets_the_stamp",
    story: "a SET over a value of the same size looks as old as the value before",
    file: "src/keyspace/text.ts",
    find: "    words[wordOf(ref) + 2] = valueLength;\n    keyspace.writeBatchTime(ref);",
    replace: "    words[wordOf(ref) + 2] = valueLength;",
    suite: fold,
  },
  {
    name: "counter_folded_over_anothers_row",
    story: "an increment of another replica is taken for one's own",
    file: "src/keyspace/entry-record.ts",
    find: "if (row.replica !== self || row.loTime !== 0 || row.hiTime === 0) return undefined;",
    replace: "if (row.loTime !== 0 || row.hiTime === 0) return undefined;",
    suite: fold,
  },
  {
    name: "deadline_of_another_birth_folded",
    story: "a new key inherits the deadline of the one before it",
    file: "src/keyspace/entry-record.ts",
    find: "if (deadline.bornTime !== born.time || deadline.bornReplica !== born.replica) return undefined;",
    replace: "if (deadline.bornTime > born.time) return undefined;",
    suite: fold,
  },
  {
    name: "in_place_change_not_captured",
    story: "APPEND to a string in place is never told to the other replicas",
    file: "src/keyspace/text.ts",
    find: "    keyspace.willWrite(db, ref, key, 0, key.length);\n    const flags = record.flagsOf(arena, ref);",
    replace: "    const flags = record.flagsOf(arena, ref);",
    suite: convergence,
  },
  {
    name: "counting_not_captured",
    story: "INCR of a counter in place is never told to the other replicas",
    file: "src/keyspace/text.ts",
    find: "    keyspace.willWrite(db, ref, keyBytes, keyStart, keyLength);\n    floats[at] = added;",
    replace: "    floats[at] = added;",
    suite: convergence,
  },
  {
    name: "hidden_key_not_remembered",
    story: "what is hidden under an absent key is removed on one replica only",
    file: "src/keyspace/keyspace.ts",
    find: "    if (ref === 0 && db.hiddenCount > 0) {\n",
    replace: "    if (ref === 0 && db.hiddenCount < 0) {\n",
    suite: convergence,
  },
  {
    name: "removal_not_captured",
    story: "DEL of a plain string is never told to the other replicas",
    file: "src/keyspace/keyspace.ts",
    find: "if (key !== undefined) this.willWrite(db, ref, key, 0, key.length);",
    replace:
      "if (key !== undefined && this.#isObject(ref)) this.willWrite(db, ref, key, 0, key.length);",
    suite: convergence,
  },
  {
    name: "swapdb_moves_keys_unheard",
    story: "SWAPDB exchanges the databases of one replica only",
    file: "src/keyspace/flush.ts",
    find: "  if (keyspace.capture !== undefined) {\n    swapKeyByKey(keyspace, a, b);\n    return;\n  }\n",
    replace: "",
    suite: flush,
  },
  {
    name: "swapdb_forgets_the_store_number",
    story: "a key is expired in the wrong database after SWAPDB",
    file: "src/keyspace/flush.ts",
    find: "  a.store = b.store;\n",
    replace: "",
    suite: flush,
  },
  {
    name: "flush_leaves_the_heap",
    story: "FLUSHALL leaves deadlines of records that no longer exist",
    file: "src/keyspace/flush.ts",
    find: "  keyspace.expiry.reset();\n",
    replace: "",
    suite: flush,
  },
  {
    name: "compaction_goes_on_after_a_flush",
    story: "compaction empties a slab that a flush has dropped or filled anew",
    file: "src/keyspace/compaction.ts",
    find: "if (arena.evacuating !== this.#slab) this.#slab = -1;",
    replace: "",
    suite: flush,
  },
  {
    name: "setrange_shows_old_bytes",
    story: "padding shows what another value held in the same place",
    file: "src/keyspace/text.ts",
    find: "    if (length > held) bytes.fill(0, start + held, start + length);\n",
    replace: "",
    suite: strings,
  },
  {
    name: "set_get_nx_overwrites",
    story: "SET with NX and GET sets a key that exists",
    file: "src/commands/strings.ts",
    find: "      if (!answersOld) call.reply.nil();\n      return;",
    replace: "      if (!answersOld) {\n        call.reply.nil();\n        return;\n      }",
    suite: strings,
  },
  {
    name: "float_rounds_half_up",
    story: "INCRBYFLOAT differs from Redis in the last digit",
    file: "src/commands/long-double.ts",
    find: "const precision = 64;",
    replace: "const precision = 53;",
    suite: numbers,
  },
  {
    name: "counter_base_rounded",
    story: "INCR of a number just beyond 53 bits starts from its neighbour",
    file: "src/keyspace/text.ts",
    find: "if (!Number.isSafeInteger(base) || !Number.isSafeInteger(value)) return Number.NaN;",
    replace: "if (!Number.isSafeInteger(value)) return Number.NaN;",
    suite: numbers,
  },
  {
    name: "counter_wraps_at_64_bits",
    story: "INCR beyond the largest integer is not refused",
    file: "src/keyspace/text.ts",
    find: 'if (sum > int64Max || sum < int64Min) return "overflow";',
    replace: "",
    suite: numbers,
  },
];
