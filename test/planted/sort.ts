// Bugs planted into SORT: its orders, its patterns, its range, its target. Each must be caught by
// the command's own test.

import type { PlantedBug } from "../../scripts/planted.js";

const command = "src/commands/sort.ts";
const order = "src/commands/sort-order.ts";
const patterns = "src/commands/sort-lookup.ts";
const suite = "test/commands/sort.test.ts";

export const sortBugs: readonly PlantedBug[] = [
  {
    name: "a descending sort forgets to turn around",
    story: "SORT list DESC answers the smallest first.",
    file: order,
    find: "return request.isDescending ? (a, b) => -ascending(a, b) : ascending;",
    replace: "return ascending;",
    suite,
  },
  {
    name: "a missing weight stands behind all others",
    story: "SORT BY w_* ALPHA shows an element without a weight last, where Redis has it first.",
    file: order,
    find: "return a === undefined ? -1 : 1;",
    replace: "return a === undefined ? 1 : -1;",
    suite,
  },
  {
    name: "a number out of range becomes infinite",
    story: "SORT of 1e400 answers instead of refusing.",
    file: order,
    find: "return /^\\s*[+-]?i/i.test(latin1(bytes)) ? value : Number.NaN;",
    replace: "return value;",
    suite,
  },
  {
    name: "the sort of a range leaves out the part that is wanted",
    story: "SORT BY w_* LIMIT shows elements that do not belong there.",
    file: order,
    find: "    if (above <= 1 || !isWanted(from, above, first, last)) return;",
    replace: "    return;",
    suite,
  },
  {
    name: "equals stay at the end of the partition",
    story: "Elements equal to the pivot are shown behind greater ones.",
    file: order,
    find: "  swapRuns(items, low, end, Math.min(equalsHigh - high, end - equalsHigh - 1));\n",
    replace: "",
    suite,
  },
  {
    name: "a field may be empty",
    story: "GET h_*-> reads the field without a name instead of the key h_1->.",
    file: patterns,
    find: "return at + 2 < end ? at : -1;",
    replace: "return at;",
    suite,
  },
  {
    name: "a sorted set keeps its tight encoding",
    story: "OBJECT ENCODING after SORT says listpack, where Redis has converted it.",
    file: command,
    find: "  if (slot === slots.zset) record.markRoomy(call.keyspace.arena, ref);\n",
    replace: "",
    suite,
  },
  {
    name: "a stored set comes in the order of its table",
    story: "SORT set BY nosort STORE makes lists that differ between nodes.",
    file: command,
    find: "const isForced = request.isUnsorted && slot === slots.set && request.storeAt > 0;",
    replace: "const isForced = request.isUnsorted && slot === slots.zset && request.storeAt > 0;",
    suite,
  },
  {
    name: "an empty result leaves the target as it is",
    story: "SORT none STORE list answers 0 and the old list is still there.",
    file: command,
    find: "if (old !== 0) keyspace.remove(db, hash, old);",
    replace: "if (old !== 0 && results.length > 0) keyspace.remove(db, hash, old);",
    suite,
  },
  {
    name: "a limit past the end shows the last element",
    story: "SORT list LIMIT 9 2 of four elements answers one.",
    file: command,
    find: "if (first >= total) return [total - 1, total - 2];",
    replace: "if (first >= total) return [total - 1, total - 1];",
    suite,
  },
];
