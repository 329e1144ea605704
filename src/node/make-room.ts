// Keeping below maxmemory: before a command runs, keys are given up until what is in use fits, or
// there is none left to give. A command that may take memory is refused only in the second case.
// What a turn gives up is bounded; the commands that follow go on with it (Redis 7.0, evict.c).
//
// What the data keeps on the heap of the process is known some seconds late (server-memory.ts).

import type { Call } from "../commands/call.js";
import { usedMemory } from "../commands/server-memory.js";
import type { FrequencyRules } from "../keyspace/access.js";
import { type EvictionPolicy, evictOne } from "../keyspace/eviction.js";

/** Keys that one command gives up, per step of maxmemory-eviction-tenacity (10 unless set). */
const evictionsPerTenacity = 10;

/**
 * Follows the settings: a limit that was lowered makes room at once, and under an LFU policy uses
 * are counted, where else only the last one is remembered.
 */
export function followMemory(call: Call, onLimit: (isLimited: boolean) => void): void {
  const { keyspace, environment } = call;
  const { settings } = environment;
  const rules: FrequencyRules = {
    random: () => environment.random(),
    logFactor: () => settings.number("lfu-log-factor"),
    decayMinutes: () => settings.number("lfu-decay-time"),
  };
  settings.onChange("maxmemory-policy", (policy) => {
    const isCounted = policy.endsWith("-lfu");
    if (isCounted === (keyspace.frequency !== undefined)) return;
    keyspace.countFrequency(isCounted ? rules : undefined);
  });
  settings.onChange("maxmemory", (bytes) => {
    onLimit(bytes !== "0");
    makeRoom(call);
  });
}

/** Whether what is in use is below the limit, or keys are being given up to bring it there. */
export function makeRoom(call: Call): boolean {
  const { keyspace, environment } = call;
  const { settings, facts } = environment;
  const limit = settings.number("maxmemory");
  if (limit === 0 || usedMemory(keyspace, facts) <= limit) return true;
  const policy = settings.get("maxmemory-policy")!;
  if (policy === "noeviction") return false;
  const samples = settings.number("maxmemory-samples");
  const random = (): number => environment.random();
  let left = evictionsPerTenacity * (settings.number("maxmemory-eviction-tenacity") + 1);
  for (; left > 0; left--) {
    if (!evictOne(keyspace, policy as EvictionPolicy, samples, random)) return false;
    environment.statistics.evictedKeys++;
    if (usedMemory(keyspace, facts) <= limit) return true;
  }
  return true;
}
