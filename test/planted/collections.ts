// Bugs planted into hashes and sets: their packed records, their tables, the edits that lead from
// one form to the next, and the commands. Each must be caught by the models of the forms or by the
// law of captured deltas.

import type { PlantedBug } from "../../scripts/planted.js";

const packed = "test/keyspace/packed.test.ts";
const hashes = "test/commands/hashes.test.ts";
const sets = "test/commands/sets.test.ts";
const converge = "test/commands/collections-captured.test.ts";
const tables = "test/keyspace/element-table.test.ts";

const layout = "src/keyspace/packed.ts";
const edit = "src/keyspace/packed-edit.ts";
const fold = "src/keyspace/packed-fold.ts";
const editor = "src/keyspace/collection-edit.ts";
const reader = "src/keyspace/collection.ts";
const records = "src/keyspace/element-records.ts";
const replace = "src/keyspace/collection-replace.ts";

export const packedBugs: readonly PlantedBug[] = [
  {
    name: "packed lengths of two bytes lose a bit",
    story:
      "A field of 128 bytes is written with the length of an empty one: all behind it is noise.",
    file: layout,
    find: "bytes[at + 1] = length >>> 7;",
    replace: "bytes[at + 1] = length >>> 8;",
    suite: packed,
  },
  {
    name: "a packed stamp forgets its high bits",
    story: "An element written a day after its key was born is said to be an hour old.",
    file: layout,
    find: "for (let scale = 0x40; ; scale *= 0x80) {",
    replace: "for (let scale = 0x40; ; scale *= 0x40) {",
    suite: packed,
  },
  {
    name: "a packed element is found by its length",
    story: "HGET of f2 answers the value of f1.",
    file: layout,
    find: "while (i >= 0 && bytes[at + i] === wanted[start + i]) i--;",
    replace:
      "while (i > 0 && bytes[at + i] === wanted[start + i]) i--;\n        if (i === 0) i = -1;",
    suite: packed,
  },
  {
    name: "a shrunken element leaves its tail behind",
    story: "HSET of a shorter value moves the elements after it by the wrong distance.",
    file: edit,
    find: "bytes.copyWithin(tail + added - removed, tail, tail + tailLength);",
    replace: "bytes.copyWithin(tail + added - removed, tail, tail + tailLength - 1);",
    suite: packed,
  },
  {
    name: "a packed record that moves loses its deadline's stamp",
    story: "EXPIRE, then HSET: the record moves and the key never expires.",
    file: edit,
    find: "record.setDeadline(arena, fresh, at, stamped, record.deadlineReplicaOf(arena, ref));",
    replace:
      "record.setDeadline(arena, fresh, at + 1, stamped, record.deadlineReplicaOf(arena, ref));",
    suite: `${hashes} -t grows past`,
  },
  {
    name: "overwriting counts twice",
    story: "HLEN grows with every HSET of the same field.",
    file: edit,
    find: "if (!isThere) setPackedCount(arena, fresh, cursor.count + 1);",
    replace: "setPackedCount(arena, fresh, cursor.count + 1);",
    suite: packed,
  },
  {
    name: "a packed element takes the birth's replica for its own",
    story:
      "n2 adds to a set that n1 made; unfolded, the member looks like n1's and the removal misses it.",
    file: fold,
    find: "replica: cursor.replica(bornReplica),",
    replace: "replica: bornReplica,",
    suite: packed,
  },
  {
    name: "elements of two births are packed as one",
    story:
      "Two replicas made the set apart; folded, half of it changes its birth and digests differ.",
    file: fold,
    find: "if (!isBornWith(sibling, born) || sibling.time < born.bornTime) return 0;",
    replace: "if (sibling.time < born.bornTime) return 0;",
    suite: packed,
  },
  {
    name: "concurrent values are packed as one",
    story: "Of two siblings only the first survives being stored.",
    file: fold,
    find: "if (sibling === undefined || siblings.length > 1 || rows.length > 0) return 0;",
    replace: "if (sibling === undefined || rows.length > 0) return 0;",
    suite: packed,
  },
];

export const formBugs: readonly PlantedBug[] = [
  {
    name: "a table forgets the deadline of the record it grew from",
    story:
      "A hash with a deadline grows to six hundred fields; the next PERSIST elsewhere wins nothing.",
    file: editor,
    find: "if (old !== undefined) restoreDeadline(keyspace, old, entry);",
    replace: "",
    suite: converge,
  },
  {
    name: "a table's record does not mirror the deadline",
    story: "The key that has grown answers TTL -1 and is never removed.",
    file: editor,
    find: "const flags = record.flagsOf(arena, ref) & (record.deadlineFlag | record.roomyFlag);",
    replace: "const flags = record.flagsOf(arena, ref) & record.roomyFlag;",
    suite: `${hashes} -t grows past`,
  },
  {
    name: "a table made of a packed record stamps all anew as born",
    story: "The twentieth field's stamp moves back to the birth when the hash becomes a table.",
    file: editor,
    find: "bornTime + cursor.delay,",
    replace: "bornTime,",
    suite: converge,
  },
  {
    name: "a table does not tell what it removes",
    story: "HDEL on a large hash is never heard of by the other nodes.",
    file: editor,
    find: "this.#noteElement(record.bytesOf(arena, ref), start, record.keyLengthOf(arena, ref));",
    replace: "void start;",
    suite: converge,
  },
  {
    name: "capture hears of a packed key after its change",
    story: "The delta of a batch is empty, since what was remembered is already the new state.",
    file: editor,
    find: "    this.#willWrite();\n    const fresh = putPacked(",
    replace: "    const fresh = putPacked(",
    suite: converge,
  },
  {
    name: "adding a member that is there is never heard of",
    story: "SADD against a concurrent SREM: the add was no write, so the removal wins.",
    file: editor,
    find: "if (isThere && isKept && this.#keyspace.capture === undefined) return false;\n      return",
    replace: "if (isThere && isKept) return false;\n      return",
    suite: `${sets} -t add-wins`,
  },
  {
    name: "an emptied collection stays",
    story: "SREM of the last member leaves an empty set that EXISTS counts.",
    file: editor,
    find: "    if (this.count === 0) this.#removeKey();\n  }",
    replace: "  }",
    suite: sets,
  },
  {
    name: "dead rows under an absent key are overwritten",
    story:
      "HDEL of a counter, then HSET: the other node's row is gone here and comes back from there.",
    file: editor,
    find: "if (ref === 0 && db.hiddenCount > 0 && db.keys.find(hash, key, keyStart, keyLength) !== 0)",
    replace: "if (ref < 0)",
    suite: converge,
  },
  {
    name: "a scan passes over concurrent members",
    story:
      "SSCAN of a set of which one member was written by two nodes at once never shows that one.",
    file: reader,
    find: "if (place < start || (end !== 0 && place >= end)) continue;",
    replace: "if (place < start || place >= end) continue;",
    suite: `${sets} -t scan`,
  },
  {
    name: "hidden elements are shown",
    story: "A field whose increments were all reset still stands in HGETALL.",
    file: reader,
    find: "        for (const [element, cell] of this.store!.entries()) {\n          if (!this.store!.isVisible(element)) continue;",
    replace: "        for (const [element, cell] of this.store!.entries()) {",
    suite: `${hashes} -t reset`,
  },
  {
    name: "a value of another size is written over the next record",
    story: "HSET of a longer value into a large hash tears the record behind it.",
    file: records,
    find: "if (words[at + 2] !== valueLength && !this.#fits(ref, 0, valueLength)) return false;",
    replace: "if (words[at + 2]! < valueLength - 8) return false;",
    suite: hashes,
  },
  {
    name: "an overwritten element keeps its old stamp",
    story: "HSET on a large hash loses against an older HSET elsewhere.",
    file: records,
    find: "arena.floats[slabOf(ref)]![(at >> 1) + 2] = keyspace.batchTime;",
    replace: "",
    suite: converge,
  },
  {
    name: "the highest birth is not looked for again",
    story: "The last member of the later birth goes; new members still carry it.",
    file: "src/keyspace/highest-birth.ts",
    find: "if (this.#count > 0 && time === this.time && replica === this.replica) this.#count--;",
    replace:
      "if (this.#count > 1 && time === this.time && replica === this.replica) this.#count--;",
    suite: tables,
  },
  {
    name: "a stored union keeps the old deadline",
    story: "SDIFFSTORE over a set that expires: the new set expires too.",
    file: replace,
    find: "  if (old === 0) keyspace.attach(db, hash, ref);\n  else keyspace.supersede(db, hash, old, ref);",
    replace:
      "  if (old === 0) keyspace.attach(db, hash, ref);\n  else keyspace.freeRecord(db, old);",
    suite: `${sets} -t against`,
  },
];

export const collectionCommandBugs: readonly PlantedBug[] = [
  {
    name: "HSETNX overwrites",
    story: "The lock that is already held is taken again.",
    file: "src/commands/hashes.ts",
    find: "if (editor.find(bytes, call.start(2), size)) {",
    replace: "if (editor.find(bytes, call.start(2), size) && size < 0) {",
    suite: hashes,
  },
  {
    name: "HINCRBY of a float counts from zero",
    story: "HINCRBY of 1.5 by 1 answers 1 and loses the old value.",
    file: "src/commands/hashes-count.ts",
    find: "  if (!Number.isSafeInteger(sum)) {",
    replace: "  if (sum > 0 && !Number.isSafeInteger(sum)) {",
    suite: hashes,
  },
  {
    name: "SMOVE copies",
    story: "The member is in both sets afterwards.",
    file: "src/commands/sets.ts",
    find: "const isThere = editor.remove(call.bytes, call.start(3), call.size(3));",
    replace: "const isThere = editor.find(call.bytes, call.start(3), call.size(3));",
    suite: sets,
  },
  {
    name: "an intset is not given up for a word",
    story: "OBJECT ENCODING says intset of a set that holds a word.",
    file: "src/commands/sets.ts",
    find: "if (!isRoomy && !isIntegerText(bytes, start, size)) isRoomy = true;",
    replace: "if (isRoomy) isRoomy = true;",
    suite: `${sets} -t encodings`,
  },
  {
    name: "the largest 64-bit integer is a word",
    story: "One number off the bound, and the encoding of a set of integers is wrong.",
    file: "src/commands/collection-limits.ts",
    find: "if (difference !== 0) return difference < 0;\n  }\n  return true;",
    replace: "if (difference !== 0) return difference < 0;\n  }\n  return false;",
    suite: `${sets} -t encodings`,
  },
  {
    name: "SINTER looks into one other set only",
    story: "A member of two sets out of three is in the intersection.",
    file: "src/commands/sets-algebra.ts",
    find: "if (rest.every((set) => has(set, at, hash))) take(found, at);",
    replace: "if (rest.length === 0 || has(rest[0]!, at, hash)) take(found, at);",
    suite: `${sets} -t against`,
  },
  {
    name: "SUNION repeats what two sets share",
    story: "A member of both sets comes twice.",
    file: "src/commands/sets-algebra.ts",
    find: "if (!others.some((other) => has(other, at, hash))) take(found, at);",
    replace: "if (others.length > 1 || hash !== 1) take(found, at);",
    suite: `${sets} -t against`,
  },
  {
    name: "SINTERCARD counts one too many",
    story: "LIMIT 7 answers 8.",
    file: "src/commands/sets-algebra.ts",
    find: "return found.count >= limit;",
    replace: "return found.count > limit;",
    suite: `${sets} -t SINTERCARD`,
  },
  {
    name: "random draws prefer the first",
    story: "One member of a small set is drawn three times as often as the others.",
    file: "src/commands/collection-random.ts",
    find: "goTo(view, places[Math.floor(call.environment.random() * places.length)]!);",
    replace: "goTo(view, places[Math.floor(call.environment.random() ** 2 * places.length)]!);",
    suite: `${sets} -t pops`,
  },
  {
    name: "distinct draws repeat",
    story: "SRANDMEMBER 7 answers the same member twice.",
    file: "src/commands/collection-random.ts",
    find: "    places[chosen] = places[i]!;",
    replace: "",
    suite: `${sets} -t pops`,
  },
];
