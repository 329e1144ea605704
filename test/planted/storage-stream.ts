// Planted bugs of the log's way into an object store and back.

const suite = "test/storage/stream.test.ts";

export const plantedInStream = [
  {
    name: "store_manifest_without_compare_and_swap",
    story: "a writer that was taken over from overwrites the manifest of the one after it",
    file: "src/storage/manifest-writer.ts",
    find: "const condition = tag === undefined ? ifAbsent : ifMatch(tag);",
    replace:
      'const condition = tag === undefined ? ifAbsent : tag === "" ? ifMatch(tag) : { kind: "always" as const };',
    suite,
  },
  {
    name: "store_delete_undone_by_compaction",
    story: "joining segments leaves a removal out, and the key of an older object comes back",
    file: "src/keyspace/redo-net.ts",
    find: "if (op !== redoOps.elements) this.#keys.add(name);",
    replace:
      "if (op !== redoOps.elements) this.#keys.add(name);\n    if (op === redoOps.removed) return false;",
    suite,
  },
  {
    name: "store_netting_across_an_exchange_of_databases",
    story: "a write to another database under the same number is taken for one to this key",
    file: "src/keyspace/redo-net.ts",
    find: "      this.#keys.clear();\n",
    replace: "",
    suite: "test/keyspace/redo-net.test.ts",
  },
  {
    name: "store_netting_by_elements",
    story: "a change of one element makes an earlier write of the whole collection needless",
    file: "src/keyspace/redo-net.ts",
    find: "if (op !== redoOps.elements) this.#keys.add(name);",
    replace: "this.#keys.add(name);",
    suite: "test/keyspace/redo-net.test.ts",
  },
  {
    name: "store_segment_removed_before_the_manifest_moved",
    story: "what a replacement ceases to name is removed before the replacement stands",
    file: "src/storage/store-depot.ts",
    find: "    const before = this.view;\n",
    replace:
      "    const before = this.view;\n    for (const name of change.remove) this.#parts.store.delete(name, () => {});\n",
    suite,
  },
  {
    name: "store_log_truncated_above_the_mark",
    story: "a checkpoint cuts the log on the disk although the store lacks those records",
    file: "src/node/journal.ts",
    find: "this.wal.truncateBelow(Math.min(this.#needlessBelow, mark + 1));",
    replace: "this.wal.truncateBelow(mark < 0 ? 0 : this.#needlessBelow);",
    suite,
  },
  {
    name: "store_told_before_the_manifest_names_it",
    story: "the store is said to hold a segment once its bytes are there, listed or not",
    file: "src/storage/store-stream.ts",
    find: "    const meaning = { kind: objectKinds.segment, firstLsn, lastLsn, time };\n",
    replace:
      "    const meaning = { kind: objectKinds.segment, firstLsn, lastLsn, time };\n    if (this.#base === undefined) this.#heldLsn = lastLsn;\n",
    suite,
  },
  {
    name: "store_counts_a_checkpoint_before_its_log",
    story: "a checkpoint is listed before the records that it needs behind it are in the store",
    file: "src/storage/store-stream.ts",
    find: "return upload.isRead && reached >= upload.lastLsn;",
    replace: "return upload.isRead && reached > 0;",
    suite,
  },
  {
    name: "store_drops_segments_that_the_checkpoint_needs",
    story: "a checkpoint that was written while commands ran needs the records since it was begun",
    file: "src/storage/store-merge.ts",
    find: "object.lastLsn < base.firstLsn;",
    replace: "object.lastLsn <= base.lastLsn;",
    suite,
  },
  {
    name: "store_branch_goes_on",
    story: "a machine whose store was taken over starts again and writes where the other one did",
    file: "src/storage/store-claim.ts",
    find: "this.#known.includes(writer)) return undefined;",
    replace: 'this.#known.includes(writer) || writer !== "") return undefined;',
    suite,
  },
  {
    name: "store_checkpoint_without_a_log_is_no_folder",
    story: "the only file of the log is torn at its beginning, and the checkpoint is not read",
    file: "src/storage/recovery.ts",
    find: "      start = this.#startOf(this.#checkpoint, replicas);\n",
    replace: "",
    suite: "test/storage/recovery.test.ts",
  },
];
