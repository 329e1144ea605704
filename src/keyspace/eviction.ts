// Making room: the choice of a key to give up, from a few that are drawn at random, and its
// removal. For the other replicas an eviction is a removal of what was seen, like DEL: a write that
// this node has not heard of survives (design.md, section 4). Policies and the draw: Redis 7.0,
// evict.c.
//
// Left out: Redis's pool of good candidates from earlier draws, whose records would have to be
// followed wherever they move; more samples (maxmemory-samples) do the same.

import type { Ref } from "./arena.js";
import type { Database } from "./database.js";
import type { Keyspace } from "./keyspace.js";
import { databaseOf, hiddenKind, kindOf } from "./record.js";

export type EvictionPolicy =
  | "volatile-lru"
  | "volatile-lfu"
  | "volatile-random"
  | "volatile-ttl"
  | "allkeys-lru"
  | "allkeys-lfu"
  | "allkeys-random";

/**
 * Gives one key up. False when the policy knows none.
 * @param samples how many are drawn in each database
 * @param random in [0, 1)
 */
export function evictOne(
  keyspace: Keyspace,
  policy: EvictionPolicy,
  samples: number,
  random: () => number,
): boolean {
  const victim = policy.startsWith("volatile-")
    ? volatileVictim(keyspace, policy, samples, random)
    : anyVictim(keyspace, policy, samples, random);
  if (victim === 0) return false;
  const db = databaseUnder(keyspace, victim);
  keyspace.onEvicted?.(db.index, keyspace.keyOf(victim));
  keyspace.remove(db, keyspace.hashOf(victim), victim);
  return true;
}

const databaseUnder = (keyspace: Keyspace, ref: Ref): Database =>
  keyspace.databaseOfStore(databaseOf(keyspace.arena, ref));

/** How gladly a key is given up; the highest goes. */
function worthlessness(keyspace: Keyspace, policy: EvictionPolicy, ref: Ref): number {
  if (policy.endsWith("-lru")) return keyspace.idleSecondsOf(ref);
  return policy.endsWith("-lfu") ? -keyspace.frequencyOf(ref) : 0;
}

function volatileVictim(
  keyspace: Keyspace,
  policy: EvictionPolicy,
  samples: number,
  random: () => number,
): Ref {
  const { expiry } = keyspace;
  // The heap knows the earliest deadline: no need to draw.
  if (policy === "volatile-ttl" || expiry.count === 0) return expiry.first;
  let victim = 0;
  let worst = Number.NEGATIVE_INFINITY;
  const draws = policy === "volatile-random" ? 1 : samples;
  for (let i = 0; i < draws; i++) {
    const ref = expiry.sample(random());
    const score = worthlessness(keyspace, policy, ref);
    if (score <= worst) continue;
    victim = ref;
    worst = score;
  }
  return victim;
}

function anyVictim(
  keyspace: Keyspace,
  policy: EvictionPolicy,
  samples: number,
  random: () => number,
): Ref {
  const filled = keyspace.databases.filter((db) => db.size > 0);
  if (filled.length === 0) return 0;
  let victim = 0;
  let worst = Number.NEGATIVE_INFINITY;
  // At random, one database is asked, the fuller the likelier; else all are compared.
  const isRandom = policy === "allkeys-random";
  const asked = isRandom ? [drawn(filled, random)] : filled;
  for (const db of asked) {
    for (let i = 0; i < (isRandom ? 1 : samples); i++) {
      const ref = visibleSample(keyspace, db, random);
      if (ref === 0) continue;
      const score = worthlessness(keyspace, policy, ref);
      if (score <= worst) continue;
      victim = ref;
      worst = score;
    }
  }
  return victim;
}

function drawn(databases: readonly Database[], random: () => number): Database {
  let left = random() * databases.reduce((sum, db) => sum + db.size, 0);
  for (const db of databases) {
    left -= db.size;
    if (left < 0) return db;
  }
  return databases.at(-1)!;
}

/** Draws of a database in which hidden records stand thick; then it counts as empty this time. */
const drawsMax = 100;

function visibleSample(keyspace: Keyspace, db: Database, random: () => number): Ref {
  for (let i = 0; i < drawsMax; i++) {
    const ref = db.keys.sample(random());
    if (ref !== 0 && kindOf(keyspace.arena, ref) !== hiddenKind) return ref;
  }
  return 0;
}
