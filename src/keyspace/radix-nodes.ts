// How many nodes Redis's radix tree (rax.c) needs for keys of sixteen bytes: XINFO STREAM shows the
// figure. The tree's shape follows from its keys alone: a node for every key's end, one for every
// fork, and one for every stretch of bytes between them. Nothing is stored that way here.

import { idBytes, type StreamId, writeId } from "../lattice/stream-id.js";

/** @param ids in ascending order, no two alike. */
export function countRadixNodes(ids: readonly StreamId[]): number {
  if (ids.length === 0) return 1; // The root alone.
  const keys = ids.map((id) => {
    const key = new Uint8Array(idBytes);
    writeId(key, 0, id);
    return key;
  });
  return countBelow(keys, 0, keys.length, 0);
}

function countBelow(keys: readonly Uint8Array[], from: number, to: number, depth: number): number {
  if (to - from === 1) return depth < idBytes ? 2 : 1;
  const first = keys[from]!;
  const last = keys[to - 1]!;
  let fork = depth;
  while (fork < idBytes - 1 && first[fork] === last[fork]) fork++;
  let count = fork > depth ? 2 : 1;
  let start = from;
  for (let at = from + 1; at <= to; at++) {
    if (at < to && keys[at]![fork] === keys[start]![fork]) continue;
    count += countBelow(keys, start, at, fork + 1);
    start = at;
  }
  return count;
}
