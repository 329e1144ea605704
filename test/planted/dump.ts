// Bugs planted into RDB and into DUMP and RESTORE: checksum, lengths, blobs of every age, the seal,
// whole files. Each must be caught by the codec's tests or the commands'.

import type { PlantedBug } from "../../scripts/planted.js";

const packed = "src/rdb/packed.ts";
const reader = "src/rdb/reader.ts";
const values = "test/rdb/values.test.ts";
const files = "test/rdb/file.test.ts";
const importing = "test/process/import.test.ts";
const commands = "test/commands/dump.test.ts";

export const rdbBugs: readonly PlantedBug[] = [
  {
    name: "the checksum loses a bit between its halves",
    story: "No payload of a real Redis is taken.",
    file: "src/rdb/crc64.ts",
    find: "low = ((low >>> 8) | (high << 24)) ^ lowTable[index]!;",
    replace: "low = (low >>> 8) ^ lowTable[index]!;",
    suite: values,
  },
  {
    name: "a compressed run is one byte short",
    story: "Texts of a real Redis are refused or come out wrong.",
    file: reader,
    find: "    run += 2;\n",
    replace: "    run += 1;\n",
    suite: values,
  },
  {
    name: "a small number of a listpack loses its sign",
    story: "A list with -1 in it is restored with 8191.",
    file: packed,
    find: "return digits(value >= 1 << 12 ? value - (1 << 13) : value);",
    replace: "return digits(value);",
    suite: values,
  },
  {
    name: "a listpack is not read backwards",
    story: "A payload whose lengths disagree is restored.",
    file: packed,
    find: `demand(readBacklength(blob, next - 1, at) === size, "a listpack that disagrees backwards");`,
    replace: "",
    suite: `${values} -t sizes and counts`,
  },
  {
    name: "a ziplist's tail is not looked at",
    story: "A payload that would make Redis fall over is restored here.",
    file: packed,
    find: `  demand(before < 0 || view.getUint32(4, true) === before, "a ziplist with another tail");\n`,
    replace: "",
    suite: `${values} -t sizes and counts`,
  },
  {
    name: "the spare bytes of a zipmap are part of the next field",
    story: "Hashes of Redis 2.4 are refused.",
    file: packed,
    find: "      at = start + length + spare;",
    replace: "      at = start + length;",
    suite: values,
  },
  {
    name: "a hash may have a field twice",
    story: "A payload with duplicates is restored, and HLEN counts what HGETALL does not show.",
    file: "src/rdb/decode.ts",
    find: "  refuseTwins(pairs, 2);",
    replace: "",
    suite: values,
  },
  {
    name: "the version is not part of the seal",
    story: "A payload of a future Redis is taken for one of ours.",
    file: "src/rdb/payload.ts",
    find: "  if (version > rdbVersion) return false;\n",
    replace: "",
    suite: values,
  },
  {
    name: "a mark stays for the next key",
    story: "Every key behind one that expires expires with it.",
    file: "src/rdb/file.ts",
    find: "    } finally {\n      this.#marks = noMarks;\n    }",
    replace: "    }",
    suite: files,
  },
  {
    name: "the checksum of a file is not compared",
    story: "A damaged file is imported without a word.",
    file: "src/rdb/file.ts",
    find: "if (isGiven && digest.some(",
    replace: "if (!isGiven && digest.some(",
    suite: files,
  },
  {
    name: "what was removed by RESTORE REPLACE stays when the value is past its deadline",
    story: "RESTORE of an expired value leaves the old one alive.",
    file: "src/commands/dump.ts",
    find: "      keyspace.remove(db, call.hashOf(1), old);\n      notify",
    replace: "      notify",
    suite: commands,
  },
  {
    name: "a restored deadline is forgotten",
    story: "RESTORE with a time to live makes a key for ever.",
    file: "src/commands/dump.ts",
    find: "if (deadline !== 0) setDeadline(keyspace, db, call.hashOf(1), ref, deadline);",
    replace: "void setDeadline;",
    suite: commands,
  },
  {
    name: "deleted entries of a stream come back",
    story: "A payload with gaps restores what XDEL had removed.",
    file: "src/rdb/stream.ts",
    find: "  return (flags & flag.deleted) !== 0 ? undefined : { id: { ms, seq }, fields };",
    replace: "  return { id: { ms, seq }, fields };",
    suite: "test/rdb/exchange.test.ts",
  },
  {
    name: "what is pending in a stream is restored for nobody",
    story: "XPENDING after RESTORE is empty, and entries are never delivered again.",
    file: "src/commands/restore-stream.ts",
    find: "        edit.setPending(made, fromRdb(id), { deliveredMs, deliveries, consumer: who });",
    replace: "        void deliveredMs, void deliveries, void made;",
    suite: "test/commands/dump.test.ts",
  },
  {
    name: "a group may be given to nodes that share a stream",
    story: "RESTORE makes consumer groups that two nodes deliver from at once.",
    file: "src/commands/dump.ts",
    find: "stream.groups.length > 0 && !mayGroup(call)) return;",
    replace: "stream.groups.length > 1e9 && !mayGroup(call)) return;",
    suite: "test/commands/dump.test.ts",
  },
  {
    name: "import_without_a_check",
    story: "half of a file that was cut off in a copy is imported before that is noticed",
    file: "src/bin/import.ts",
    find: "const { keys, functions } = await check(options.file, bytes, say);",
    replace: "const { keys, functions } = { keys: 0, functions: 0 };",
    suite: importing,
  },
  {
    name: "import_into_one_database",
    story: "keys of database 3 come into database 0",
    file: "src/bin/import.ts",
    find: "    if (item.database !== this.#database) {",
    replace: "    if (item.database < this.#database) {",
    suite: importing,
  },
  {
    name: "import_takes_deadlines_for_times_to_live",
    story: "a key that had an hour to live is there for fifty years",
    file: "src/bin/import.ts",
    find: 'if (deadlineMs > 0) argv.push(utf8("ABSTTL"));',
    replace: "",
    suite: importing,
  },
];
