// Bugs planted into sorted sets and positions: their order, their packed records, the edits, the
// numbers. Each must be caught by the model, the order's own test or a named story.

import type { PlantedBug } from "../../scripts/planted.js";

const order = "src/keyspace/order-index.ts";
const edit = "src/keyspace/zset-edit.ts";
const orderTest = "test/keyspace/order-index.test.ts";
const zsetTest = "test/commands/zsets.test.ts";
const model = `${zsetTest} -t agrees with a plain model`;
const atOnce = "test/commands/zsets-at-once.test.ts";

export const zsetOrderBugs: readonly PlantedBug[] = [
  {
    name: "ties within the order are not broken by member",
    story: "Two members with one score stand in the order of their arrival, and one is lost.",
    file: order,
    find: "while (low < near && chunk.score(low) === score) {",
    replace: "while (low < 0) {",
    suite: orderTest,
  },
  {
    name: "only the first members of one score are compared",
    story: "The seventeenth member with one score stands before those that come after it.",
    file: order,
    find: "      high = chunk.find(score, true);\n",
    replace: "      high = low;\n",
    suite: orderTest,
  },
  {
    name: "a new place outlives its chunk",
    story:
      "A score moves away, its chunk goes with it, and the place found for it is another one's.",
    file: order,
    find: "if (this.#chunks.length < length) {",
    replace: "if (this.#chunks.length > length) {",
    suite: orderTest,
  },
  {
    name: "a split forgets the last score of its left half",
    story: "After the 513th member a range of scores begins in the wrong chunk.",
    file: order,
    find: "    chunk.count = kept;\n    this.#lastScores[this.#chunkNumber] = chunk.score(kept - 1);",
    replace: "    chunk.count = kept;",
    suite: orderTest,
  },
  {
    name: "a score may pass its neighbour in place",
    story: "ZINCRBY over the next member's score leaves the two the wrong way round.",
    file: order,
    find: "const isBefore = at + 1 < chunk.count && score < chunk.score(at + 1);",
    replace: "const isBefore = at + 1 < chunk.count;",
    suite: orderTest,
  },
  {
    name: "the tree of counts is not told of a removal",
    story: "After ZREM every rank behind the member is one too high.",
    file: order,
    find: "this.#adjust(this.#chunkNumber, -1);",
    replace: "",
    suite: orderTest,
  },
  {
    name: "a chunk's window is not moved before it is filled up",
    story: "After ZPOPMIN the members of a merged chunk lie beyond its end, and are lost.",
    file: "src/keyspace/order-chunk.ts",
    find: "    if (this.#first + this.count + to - from > this.capacity) this.#slide();\n",
    replace: "",
    suite: orderTest,
  },
  {
    name: "an insertion near the beginning shifts too little",
    story: "After ZPOPMIN a new member stands before one that is lower.",
    file: "src/keyspace/order-chunk.ts",
    find: "      this.#shift(first, first - 1, at);",
    replace: "      this.#shift(first, first - 1, at - 1);",
    suite: orderTest,
  },
  {
    name: "a step of the search takes the last part for as short as the others",
    story: "Behind the first parts of a chunk nothing is looked for: its members cannot be found.",
    file: "src/keyspace/order-chunk.ts",
    find: "    left -= part * 7;",
    replace: "    left = part;",
    suite: orderTest,
  },
  {
    name: "members are compared by whole words alone",
    story: "Members with one score that differ behind their first words change places.",
    file: order,
    find: "    for (; i < common; i++) {\n      const difference = words.getUint8",
    replace: "    for (; i < 0; i++) {\n      const difference = words.getUint8",
    suite: orderTest,
  },
];

const table = "src/keyspace/zset-table.ts";
const compaction = "test/keyspace/zset-table.test.ts";

export const zsetTableBugs: readonly PlantedBug[] = [
  {
    name: "a record moves and its order is not told",
    story: "After memory was won back ZRANGE answers what lies at the old place.",
    file: table,
    find: "    this.order.moved(this.scoreOf(to), from, to);\n  }\n\n  override moved",
    replace: "  }\n\n  override moved",
    suite: compaction,
  },
  {
    name: "a stand-in moves and is looked for where it was",
    story: "A member that two nodes incremented is lost when memory is won back.",
    file: table,
    find: "this.#standIns.set(latin1(this.elementOf(to)), to);",
    replace: "",
    suite: compaction,
  },
];

export const longMemberBugs: readonly PlantedBug[] = [
  {
    name: "the score of a very long member is read beside it",
    story: "ZINCRBY of a member of 40 KB begins at zero.",
    file: table,
    find: "return scoreOfBytes(externals.get(record.externalPlaceOf(arena, ref)));",
    replace: "void externals;",
    suite: `${zsetTest} -t members of every length`,
  },
];

export const zsetEditBugs: readonly PlantedBug[] = [
  {
    name: "a packed member moves to a place counted before it left",
    story: "A member whose score rises in a small set lands one place too far.",
    file: edit,
    find: "offset = rank > held ? target - removed : target;",
    replace: "offset = target;",
    suite: model,
  },
  {
    name: "short scores lose their sign",
    story: "A score of -3 in a small set is read as 253.",
    file: "src/keyspace/zset-score.ts",
    find: "return (bytes[at]! << 24) >> 24;",
    replace: "return bytes[at]!;",
    suite: model,
  },
  {
    name: "the packed record's members are not counted",
    story: "ZCARD of a small set stays at one.",
    file: edit,
    find: "if (!this.isFound) setPackedCount(arena, this.ref, count + 1);",
    replace: "",
    suite: model,
  },
  {
    name: "an emptied table keeps its key",
    story: "EXISTS answers 1 after the last of many members was popped.",
    file: edit,
    find: "else if (this.ref !== 0) keyspace.remove(this.#db, this.#hash, this.ref);",
    replace: "",
    suite: zsetTest,
  },
  {
    name: "what a batch changes in a table is not remembered",
    story: "Followers never hear of a ZADD to a large set.",
    file: edit,
    find: "    entry.remember(slots.zset, member);\n    return true;",
    replace: "    return true;",
    suite: model,
  },
  {
    name: "increments are written as scores",
    story: "Two nodes add 0.1 and 0.2 at once, and one of the two is lost.",
    file: edit,
    find: "if (this.#keyspace.capture === undefined || !Number.isFinite(sum)) {",
    replace: "if (sum === sum) {",
    suite: atOnce,
  },
  {
    name: "an increment ignores how the score was rounded",
    story: "ZINCRBY after a merge replies another last digit than ZSCORE a moment later.",
    file: edit,
    find: "return subtract(decimalOfDouble(sum), exactScore(start, cell));",
    replace: "return decimalOfDouble(by);",
    suite: atOnce,
  },
  {
    name: "adding again is not written where others exist",
    story: "ZADD of an equal score is lost to a removal that has not seen it.",
    file: "src/commands/zsets.ts",
    find: "if ((options & option.incr) === 0 && call.keyspace.capture !== undefined) edit.put(held);",
    replace: "",
    suite: atOnce,
  },
];

export const zsetCommandBugs: readonly PlantedBug[] = [
  {
    name: "open bounds are closed",
    story: "ZRANGEBYSCORE z (2 +inf also answers the members with score 2.",
    file: "src/commands/zset-bounds.ts",
    find: "ranks.from = view.rankOfScore(scores.min, scores.isMinOut);",
    replace: "ranks.from = view.rankOfScore(scores.min, false);",
    suite: zsetTest,
  },
  {
    name: "LIMIT counts from the wrong end in reverse",
    story: "ZREVRANGEBYSCORE with an offset skips the lowest instead of the highest.",
    file: "src/commands/zset-bounds.ts",
    find: "else if (isReverse) ranks.to -= offset;",
    replace: "else if (isReverse) ranks.from += offset;",
    suite: zsetTest,
  },
  {
    name: "ZQUERY steps back before the first pair",
    story: "An offset of -1 at the first pair answers from a place that is not there.",
    file: "src/commands/zset-range.ts",
    find: "const isInside = first < count && rank >= 0 && rank < count && limit > 0;",
    replace: "const isInside = rank >= 0 && rank < count && limit > 0;",
    suite: zsetTest,
  },
  {
    name: "a half is rounded up",
    story: "ZSCORE of 123456789012345.125 ends in 13 where every C library prints 12.",
    file: "src/commands/double-text.ts",
    find: "const isEven = Number(mantissa[cut - 1]) % 2 === 0;",
    replace: "const isEven = false;",
    suite: "test/commands/double-text.test.ts",
  },
];

const geoTest = "test/commands/geo.test.ts";

export const geoBugs: readonly PlantedBug[] = [
  {
    name: "rows and columns change places in a score",
    story: "Berlin is found in the Indian Ocean.",
    file: "src/commands/geo-cells.ts",
    find: "(spread(row) | (spread(column) << 1)) >>> 0;",
    replace: "(spread(column) | (spread(row) << 1)) >>> 0;",
    suite: geoTest,
  },
  {
    name: "the cells around are not searched",
    story: "A shop across the border of a cell is not near.",
    file: "src/commands/geo-area.ts",
    find: "return withoutRepetition([middle, ...around]);",
    replace: "return around.length > 0 ? [middle] : [];",
    suite: geoTest,
  },
  {
    name: "a coarse step is not tried",
    story: "Close to the border of a cell a wide circle loses its far side.",
    file: "src/commands/geo-area.ts",
    find: "if (step > 1 && !isReached(middle, box)) {",
    replace: "if (step > 99) {",
    suite: geoTest,
  },
  {
    name: "a box is measured by its diagonal",
    story: "GEOSEARCH BYBOX answers what lies in the circle around the box.",
    file: "src/commands/geo-area.ts",
    find: "if (east > (shape.width * unit) / 2) return Number.NaN;",
    replace: "",
    suite: geoTest,
  },
];
