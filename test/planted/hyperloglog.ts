// Bugs planted into HyperLogLogs: the hash, the estimate, the opcodes, the union of replicas. Each
// must be caught by the commands' own test or by the laws.

import type { PlantedBug } from "../../scripts/planted.js";

const lattice = "src/lattice/hyperloglog.ts";
const text = "src/keyspace/hyperloglog.ts";
const command = "src/commands/hyperloglog.ts";
const suite = "test/commands/hyperloglog.test.ts";

export const hyperLogLogBugs: readonly PlantedBug[] = [
  {
    name: "the carry of the product is lost",
    story: "The hash of an element is another one than Redis's, and merged counts are doubled.",
    file: lattice,
    find: " + carried) | 0;",
    replace: ") | 0;",
    suite,
  },
  {
    name: "the tail of an element is not hashed",
    story: "Elements that differ in their last byte only count as one.",
    file: lattice,
    find: "if (rest > 0) {",
    replace: "if (rest > 7) {",
    suite,
  },
  {
    name: "a run is counted without its end",
    story: "Every estimate is half of what there was.",
    file: lattice,
    find: "if (first !== 0) touch.run = trailingZeros(first) + 1;",
    replace: "if (first !== 0) touch.run = trailingZeros(first);",
    suite,
  },
  {
    name: "the join takes the later register",
    story: "A replica that counted less takes away what another has counted.",
    file: lattice,
    find: "if (run > (joined.get(index) ?? 0)) joined.set(index, run);",
    replace: "joined.set(index, run);",
    suite: "test/laws/laws.test.ts -t hyperloglog",
  },
  {
    name: "a register across two bytes loses its upper half",
    story: "A dense HyperLogLog forgets large runs.",
    file: text,
    find: "(this.bytes[at + 1]! & ~(mask >> 8)) | (bits >> 8);",
    replace: "this.bytes[at + 1]! | (bits >> 8);",
    suite,
  },
  {
    name: "a split forgets what stands to the right",
    story: "The opcodes cover fewer registers than there are, and the key is called corrupted.",
    file: text,
    find: "    size = writeRun(size, old, right);\n",
    replace: "",
    suite,
  },
  {
    name: "runs merge beyond what an opcode holds",
    story: "Five neighbours of one value become one opcode for a single register.",
    file: text,
    find: "&& run <= valueRunMax;",
    replace: ";",
    suite,
  },
  {
    name: "bytes behind the last register are ignored",
    story: "PFCOUNT answers for a string that something was appended to.",
    file: text,
    find: "    return index === registerCount ? histogram : undefined;",
    replace: "    return index >= 0 ? histogram : undefined;",
    suite,
  },
  {
    name: "the limit of the sparse form is not looked at",
    story: "hll-sparse-max-bytes has no effect.",
    file: text,
    find: "if (delta > 0 && this.length + delta > bytesMax) return this.#promote(index, value);",
    replace: "",
    suite,
  },
  {
    name: "an addition keeps the old estimate",
    story: "PFCOUNT after PFADD answers what it answered before.",
    file: command,
    find: "  if (updates > 0) {\n    sketch.forgetCard();",
    replace: "  if (updates > 0) {",
    suite,
  },
  {
    name: "siblings are not united",
    story: "Of two PFADDs at once on two nodes only the later one counts.",
    file: "src/keyspace/text-view.ts",
    find: "    if (union !== undefined) return union;\n",
    replace: "    void union;\n",
    suite,
  },
];
