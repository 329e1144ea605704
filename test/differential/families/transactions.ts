// Transactions: MULTI, EXEC, DISCARD, WATCH and UNWATCH over string and key commands, on three
// connections that disturb each other. What EXEC answers is compared whole, byte for byte, so only
// commands whose replies are determined are queued.

import fc from "fast-check";
import type { Family, StepGroup } from "../step.js";
import { integer, key, type Line, line, mangled, many, value } from "../values.js";

const table: readonly (readonly [number, string, Line])[] = [
  [6, "MULTI", line("MULTI")],
  [6, "EXEC", line("EXEC")],
  [2, "DISCARD", line("DISCARD")],
  [5, "WATCH", line("WATCH", many(key, 1, 3))],
  [1, "UNWATCH", line("UNWATCH")],
  [6, "SET", line("SET", key, value)],
  [5, "GET", line("GET", key)],
  [4, "INCR", line("INCR", key)],
  [2, "INCRBY", line("INCRBY", key, integer)],
  [2, "DEL", line("DEL", key)],
  [2, "APPEND", line("APPEND", key, value)],
  [2, "MGET", line("MGET", many(key, 1, 3))],
  [1, "EXPIRE", line("EXPIRE", key, fc.constantFrom("100000", "-1"))],
  [1, "PERSIST", line("PERSIST", key)],
  [1, "RENAME", line("RENAME", key, key)],
  [1, "COPY", line("COPY", key, key, "REPLACE")],
  [1, "SELECT", line("SELECT", fc.constantFrom("0", "1", "99"))],
  [1, "SWAPDB", line("SWAPDB", "0", "1")],
  [1, "FLUSHDB", line("FLUSHDB")],
  [1, "DBSIZE", line("DBSIZE")],
  [1, "PING", line("PING")],
  [1, "RPUSH", line("RPUSH", key, value)],
  [1, "SADD", line("SADD", key, value)],
];

/** A whole transaction with somebody else's write in the middle: the case that WATCH is for. */
function disturbed(supports: (command: string) => boolean): fc.Arbitrary<StepGroup> {
  const lines = table.filter(([, command]) => supports(command)).map(([, , each]) => each);
  const plain = lines.slice(5);
  const body = fc.array(fc.oneof(...plain), { maxLength: 4 });
  return fc
    .tuple(
      key,
      fc.oneof(...plain),
      body,
      fc.nat(2),
      fc.boolean(),
      fc.constantFrom("EXEC", "DISCARD"),
    )
    .map(([watched, other, queued, intruder, isBefore, end]) => [
      { argv: ["WATCH", watched] },
      ...(isBefore ? [{ argv: other, connection: intruder }] : []),
      { argv: ["MULTI"] },
      ...(isBefore ? [] : [{ argv: other, connection: intruder }]),
      ...queued.map((argv) => ({ argv })),
      { argv: [end] },
    ]);
}

export const transactionsFamily: Family = {
  name: "transactions",
  commands: [...new Set(table.map(([, command]) => command))],
  databaseCount: 2,
  comparers: {},
  groups: (supports) => {
    const usable = table.filter(([, command]) => supports(command));
    const single = usable.map(([weight, , lines]) => ({
      weight,
      arbitrary: fc
        .tuple(mangled(lines), fc.nat(5))
        .map(
          ([argv, connection]): StepGroup => [
            { argv, connection: connection > 2 ? 0 : connection },
          ],
        ),
    }));
    return fc.oneof(
      { weight: 4, arbitrary: fc.oneof(...single) },
      { weight: 1, arbitrary: disturbed(supports) },
    );
  },
};
