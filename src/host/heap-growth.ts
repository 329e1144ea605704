// How far the heap may grow between collections. What clients store lies outside of it
// (keyspace/arena.ts), so the heap of a node is some megabytes of code and tables, and V8 would
// look all of it over after every few megabytes of short-lived buffers: each time the work of ten
// thousand commands. A heap that has become large for other reasons is left to V8's own judgement.

import { setFlagsFromString } from "node:v8";

/** A small heap may become so many per cent larger. */
const growthPercent = 300;
/** Above this, V8 decides: so much garbage would no longer be little. */
const smallHeapBytes = 64 * 1024 * 1024;

let isGenerous = false;

/**
 * Called now and then with the size of the heap. Where a limit is set on what the node uses, what
 * nobody has swept yet counts as used, and keys would go for it.
 */
export function tendHeapGrowth(heapBytes: number, isLimited: boolean): void {
  const wasGenerous = isGenerous;
  isGenerous = heapBytes < smallHeapBytes && !isLimited;
  // 0 is V8's own judgement.
  if (isGenerous !== wasGenerous)
    setFlagsFromString(`--heap-growing-percent=${isGenerous ? growthPercent : 0}`);
}
