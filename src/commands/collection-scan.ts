// HSCAN and SSCAN. The guarantee is SCAN's: an element that is there from the beginning of a scan
// to its end is returned at least once, whatever else happens (keyspace/hash-index.ts). Small
// collections are returned whole.

import type { Collection } from "../keyspace/collection.js";
import { ElementList } from "../keyspace/collection-replace.js";
import type { Slot } from "../lattice/key-entry.js";
import type { Call } from "./call.js";
import { fail } from "./errors.js";
import { matchesGlob } from "./glob.js";
import { cursorArgument, scanOptions } from "./scan.js";

/**
 * In a sparse table many buckets are empty: a call looks at ten times as many as elements are
 * wanted.
 */
const bucketsPerElement = 10;

/** `withValues`: each element is followed by its value. */
export function scanCollection(
  call: Call,
  view: Collection,
  slot: Slot,
  withValues: boolean,
): void {
  const { reply } = call;
  let cursor = cursorArgument(call, 2);
  if (cursor === undefined) return;
  const ref = call.findForRead(1);
  if (ref === 0) {
    reply.array(2);
    reply.bulkInteger(0);
    reply.array(0);
    return;
  }
  if (!view.open(call.keyspace, ref, slot)) {
    fail(call, "wrongType");
    return;
  }
  const options = scanOptions(call, 3, false);
  if (options === undefined) return;
  const { pattern } = options;
  const found = new ElementList();
  const values = new ElementList();
  const bucketsMax = options.count * bucketsPerElement;
  cursor = view.scan(
    cursor,
    options.count,
    bucketsMax,
    ({ element, elementStart, elementLength }) => {
      if (pattern !== undefined && !matchesGlob(pattern, element, elementStart, elementLength))
        return;
      found.push(element, elementStart, elementLength);
      if (withValues) values.push(view.value, view.valueStart, view.valueLength);
    },
  );
  reply.array(2);
  reply.bulkInteger(cursor);
  reply.array(withValues ? found.count * 2 : found.count);
  for (let i = 0; i < found.count; i++) {
    reply.bulk(found.source(i), found.start(i), found.length(i));
    if (withValues) reply.bulk(values.source(i), values.start(i), values.length(i));
  }
  view.close();
}
