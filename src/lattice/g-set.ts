// Grow-only set: elements are added and never taken away; the join is the union. Elements are byte
// strings, held as Latin-1 text.

import { compareText, fromLatin1, latin1, MalformedBytes } from "../base/bytes.js";
import { contextFree } from "./lattice.js";

export const gSet = contextFree<ReadonlySet<string>, { readonly add: string }, string[]>({
  name: "g_set",
  tag: 4,
  bottom: () => new Set(),
  news: (_state, { add }) => new Set([add]),
  // Spec: Lattice.DrawSet.
  joinValues: (a, b) => new Set([...a, ...b]),
  /** The elements in byte order. */
  query: (state) => [...state].sort(compareText),
  equals: (a, b) => a.size === b.size && [...a].every((element) => b.has(element)),
  encode(writer, state) {
    writer.varint(state.size);
    for (const element of [...state].sort(compareText)) writer.bytes(fromLatin1(element));
  },
  decode(reader) {
    const elements = new Set<string>();
    let last: string | undefined;
    for (let count = reader.count(); count > 0; count--) {
      const element = latin1(reader.bytes());
      if (last !== undefined && element <= last)
        throw new MalformedBytes("elements out of order or repeated");
      last = element;
      elements.add(element);
    }
    return elements;
  },
});
