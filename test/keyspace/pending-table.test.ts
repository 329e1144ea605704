// The table of pending entries against a sorted array: whatever is inserted, written over, removed
// and looked for, in an order that fills, halves and empties chunks.

import fc from "fast-check";
import { expect, test } from "vitest";
import { PendingTable } from "../../src/keyspace/pending-table.js";
import { idMin, idOf, type StreamId } from "../../src/lattice/stream-id.js";

const idAt = (at: number): StreamId => idOf(at >> 12, at & 15, (at >> 8) & 15, (at >> 4) & 15);

/** The order of `idAt`, as a number. */
const orderOf = (at: number): number =>
  ((at >> 12) << 12) | ((at & 15) << 8) | (((at >> 8) & 15) << 4) | ((at >> 4) & 15);

const rowOf = (value: number) => ({
  consumer: value % 7,
  deliveredMs: value,
  deliveries: BigInt(value) * 2n ** 40n,
  time: value + 1,
  origin: value % 3,
});

function contents(table: PendingTable, from: StreamId): [number, number][] {
  const found: [number, number][] = [];
  for (let has = table.seek(from); has; has = table.next()) {
    const { msHigh, msLow, seqHigh, seqLow } = table.id;
    const order = (msHigh << 12) | (msLow << 8) | (seqHigh << 4) | seqLow;
    found.push([order, table.deliveredMs]);
    const { consumer, deliveredMs, deliveries, time, origin } = table;
    const row = rowOf(deliveredMs);
    const isWhole = consumer === row.consumer && deliveries === row.deliveries;
    if (!isWhole || time !== row.time || origin !== row.origin) throw new Error("a torn row");
  }
  return found;
}

test("pending table: is a sorted array", () => {
  const step = fc.record({
    kind: fc.constantFrom("run", "run", "put", "put", "remove", "removeRun"),
    at: fc.nat({ max: 0xffff }),
    value: fc.nat({ max: 1000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30, size: "max" }), (steps) => {
      const table = new PendingTable();
      const plain = new Map<number, number>();
      const put = (at: number, value: number): void => {
        if (table.find(idAt(at))) table.set(rowOf(value));
        else table.insert(idAt(at), rowOf(value));
        plain.set(orderOf(at), value);
      };
      const remove = (at: number): void => {
        if (table.find(idAt(at)) !== plain.has(orderOf(at))) throw new Error("not found, or found");
        if (plain.delete(orderOf(at))) table.remove();
      };
      for (const { kind, at, value } of steps) {
        if (kind === "put") put(at, value);
        else if (kind === "remove") remove(at);
        else
          for (let i = 0; i < 150; i++) {
            if (kind === "run") put((at + i * 16) & 0xffff, value);
            else remove((at + i * 32) & 0xffff);
          }
        const sorted = [...plain].sort(([a], [b]) => a - b);
        expect(contents(table, idMin)).toEqual(sorted);
        const behind = sorted.filter(([order]) => order >= orderOf(at));
        expect(contents(table, idAt(at))).toEqual(behind);
        expect([table.count, table.verify()]).toEqual([plain.size, true]);
        if (table.last()) expect(table.deliveredMs).toBe(sorted.at(-1)![1]);
      }
    }),
    { numRuns: 30 },
  );
});

test("pending table: removing goes on at the next entry", () => {
  const table = new PendingTable();
  for (let at = 0; at < 300; at++) table.insert(idOf(0, 0, 0, at), rowOf(at));
  const seen: number[] = [];
  let has = table.seek(idMin);
  while (has) {
    seen.push(table.deliveredMs);
    has = table.deliveredMs % 3 === 0 ? table.remove() : table.next();
  }
  expect(seen).toEqual(Array.from({ length: 300 }, (_, at) => at));
  expect(table.count).toBe(200);
});
