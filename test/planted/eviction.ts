// Bugs planted into eviction: the draw, the marks of use, the limit, the removal. Each must be
// caught by the test of policies.

import type { PlantedBug } from "../../scripts/planted.js";

const eviction = "src/keyspace/eviction.ts";
const access = "src/keyspace/access.ts";
const room = "src/node/make-room.ts";
const suite = "test/node/eviction.test.ts";

export const evictionBugs: readonly PlantedBug[] = [
  {
    name: "the best of the drawn keys is given up",
    story: "Under allkeys-lru exactly the keys in use disappear.",
    file: eviction,
    find: 'if (policy.endsWith("-lru")) return keyspace.idleSecondsOf(ref);',
    replace: 'if (policy.endsWith("-lru")) return -keyspace.idleSecondsOf(ref);',
    suite,
  },
  {
    name: "frequency is not looked at",
    story: "Under allkeys-lfu any key goes.",
    file: eviction,
    find: 'return policy.endsWith("-lfu") ? -keyspace.frequencyOf(ref) : 0;',
    replace: "return 0;",
    suite,
  },
  {
    name: "volatile policies take any key",
    story: "volatile-lru removes keys that were to stay for ever.",
    file: eviction,
    find: 'const victim = policy.startsWith("volatile-")',
    replace: 'const victim = policy === "volatile-ttl"',
    suite,
  },
  {
    name: "only the first database is asked",
    story: "Keys of the other databases are never given up, and writes are refused.",
    file: eviction,
    find: "keyspace.databases.filter((db) => db.size > 0);",
    replace: "keyspace.databases.slice(0, 1).filter((db) => db.size > 0);",
    suite,
  },
  {
    name: "an eviction is not told",
    story: "Who listens for evicted keys hears nothing.",
    file: eviction,
    find: "  keyspace.onEvicted?.(db.index, keyspace.keyOf(victim));\n",
    replace: "",
    suite,
  },
  {
    name: "every use raises the counter",
    story: "After a few hundred uses all keys count the same.",
    file: access,
    find: "if (random() < 1 / (above * logFactor() + 1)) uses++;",
    replace: "uses++;",
    suite,
  },
  {
    name: "a counter never falls",
    story: "What was popular once stays for ever.",
    file: access,
    find: "    if (decayMinutes === 0) return access & 0xff;\n",
    replace: "    if (decayMinutes >= 0) return access & 0xff;\n",
    suite,
  },
  {
    name: "new keys count nothing",
    story: "Under an LFU policy each new key is the next to go.",
    file: access,
    find: "? (this.#minute << 8) | frequencyAtBirth : this.accessClock;",
    replace: "? this.#minute << 8 : this.accessClock;",
    suite,
  },
  {
    name: "a session that leaves no marks counts as a use",
    story: "CLIENT NO-TOUCH has no effect under an LFU policy.",
    file: access,
    find: "    if (!isMarked) this.accessNow = leaveAlone;\n    else this.accessNow",
    replace:
      "    if (!isMarked && !isCounted) this.accessNow = leaveAlone;\n    else this.accessNow",
    suite,
  },
  {
    name: "a lowered limit waits for the next write",
    story: "CONFIG SET maxmemory removes nothing.",
    file: room,
    find: '    onLimit(bytes !== "0");\n    makeRoom(call);',
    replace: '    onLimit(bytes !== "0");',
    suite,
  },
  {
    name: "one command gives everything up",
    story: "A limit far below what is in use stops the node until a million keys are gone.",
    file: room,
    find: "  for (; left > 0; left--) {",
    replace: "  for (;; left--) {",
    suite,
  },
  {
    name: "a full node with nothing to give admits writes",
    story: "maxmemory is no limit under a volatile policy.",
    file: room,
    find: "samples, random)) return false;",
    replace: "samples, random)) return true;",
    suite,
  },
  {
    name: "a longer value keeps the idle time of the old one",
    story: "A key that was written a moment ago is given up as long unused.",
    file: "src/keyspace/text.ts",
    find: "    keyspace.supersede(db, hash, ref, fresh);\n    keyspace.touch(fresh);",
    replace: "    keyspace.supersede(db, hash, ref, fresh);",
    suite,
  },
];
