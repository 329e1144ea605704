// The same generated commands on linearizable keys: all keys of a run get one hash tag, so they lie
// in one register, and each run another, so nothing is left over. What names no key is left out,
// for registers are not seen by KEYS, DBSIZE or FLUSHALL; so is what goes on over several calls
// (SCAN), and what looks at keys by patterns or reaches another database.

import { Rig } from "../server-commands/harness.js";
import type { Step } from "./step.js";

/** Commands without keys that a run needs. */
const kept = new Set(["MULTI", "EXEC", "DISCARD", "UNWATCH", "PING", "ECHO"]);
/**
 * They reach beyond the register, by database or by pattern, or tell what a register does not keep.
 */
const leftOut = new Set([
  "MOVE",
  "SORT",
  "SORT_RO",
  "OBJECT",
  "DEBUG",
  "MIGRATE",
  "RESTORE",
  "DUMP",
]);

const parser = new Rig().connect();

/**
 * The keys of a request, as our command table finds them; empty for a request that is not well
 * formed.
 */
function keysOf(argv: readonly string[]): ReadonlySet<string> {
  const reply = parser.send("COMMAND", "GETKEYS", ...argv);
  return reply.startsWith("*") ? new Set(parser.words("COMMAND", "GETKEYS", ...argv)) : new Set();
}

/** The steps of one run on one register. */
export function onOneRegister(steps: readonly Step[], run: number): Step[] {
  const chosen: Step[] = [];
  for (const step of steps) {
    const name = step.argv[0]?.toUpperCase() ?? "";
    if (kept.has(name)) chosen.push(step);
    const keys = kept.has(name) || leftOut.has(name) ? new Set<string>() : keysOf(step.argv);
    const isElsewhere = name === "COPY" && step.argv.some((arg) => arg.toUpperCase() === "DB");
    if (keys.size === 0 || step.drain === true || isElsewhere) continue;
    const argv = step.argv.map((arg, index) =>
      index > 0 && keys.has(arg) ? `{r${run}}${arg}` : arg,
    );
    chosen.push({ ...step, argv });
  }
  return chosen;
}
