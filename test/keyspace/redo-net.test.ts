// What later records make needless: netted records end in the state that all of them end in, onto
// whatever state they are replayed.

import { expect, test } from "vitest";
import { ByteWriter, latin1, utf8 } from "../../src/base/bytes.js";
import { Prng } from "../../src/base/prng.js";
import { encodeRemoved, redoOps } from "../../src/keyspace/redo-codec.js";
import { netRedo } from "../../src/keyspace/redo-net.js";

type Operation =
  | { readonly op: "removed" | "elements"; readonly database: number; readonly key: string }
  | { readonly op: "flushed"; readonly database: number }
  | { readonly op: "swapped" };

function encode(operations: readonly Operation[]): Uint8Array {
  const writer = new ByteWriter();
  for (const operation of operations)
    if (operation.op === "removed") {
      const key = utf8(operation.key);
      encodeRemoved(writer, operation.database, key, 0, key.length);
    } else if (operation.op === "elements")
      writer.u8(redoOps.elements).u8(operation.database).bytes(utf8(operation.key)).varint(0);
    else if (operation.op === "flushed") writer.u8(redoOps.flushed).u8(operation.database);
    else writer.u8(redoOps.swapped).u8(0).u8(1);
  return writer.finish();
}

const removed = (key: string, database = 0): Operation => ({ op: "removed", database, key });
const elements = (key: string, database = 0): Operation => ({ op: "elements", database, key });

test("netting: of several writes of a key the last stays, a removal too", () => {
  const records = [[removed("a"), removed("b")], [removed("a")], []].map(encode);
  expect(netRedo(records)).toEqual([encode([removed("b")]), encode([removed("a")]), encode([])]);
});

test("netting: a change of elements needs what is before it, a removal does not", () => {
  const kept = [[removed("a")], [elements("a")]].map(encode);
  expect(netRedo(kept)).toEqual(kept);
  const netted = [[elements("a")], [removed("a")]].map(encode);
  expect(netRedo(netted)).toEqual([encode([]), netted[1]]);
});

test("netting: an emptied database leaves nothing before it; an exchange is a border", () => {
  const flushed: Operation = { op: "flushed", database: 0 };
  const records = [
    [removed("a"), removed("a", 1), flushed],
    [removed("b"), flushed],
  ].map(encode);
  expect(netRedo(records)).toEqual([encode([removed("a", 1)]), encode([flushed])]);
  const exchanged = [[removed("a")], [{ op: "swapped" }, removed("a")]].map((operations) =>
    encode(operations as Operation[]),
  );
  expect(netRedo(exchanged)).toEqual(exchanged);
});

test("netting: bytes that are no operations are refused", () => {
  expect(() => netRedo([utf8("nonsense")])).toThrow("is no operation of a log");
});

/**
 * Replays operations on two databases of keys, each with what was done to it since it was whole.
 */
function replayed(records: readonly Uint8Array[], operations: Map<string, Operation>): string {
  const databases = [new Map<string, string>(), new Map<string, string>()];
  for (const key of ["a", "b", "c"]) for (const db of databases) db.set(key, `old ${key}`);
  for (const record of records)
    for (let at = 0; at < record.length; ) {
      const text = [...operations].find(
        ([bytes]) => latin1(record, at, Math.min(record.length, at + bytes.length)) === bytes,
      )!;
      at += text[0].length;
      const operation = text[1];
      if (operation.op === "swapped") databases.reverse();
      else if (operation.op === "flushed") databases[operation.database]!.clear();
      else if (operation.op === "removed") databases[operation.database]!.delete(operation.key);
      else {
        const db = databases[operation.database]!;
        db.set(operation.key, `${db.get(operation.key) ?? ""}+`);
      }
    }
  return JSON.stringify(databases.map((db) => [...db].sort()));
}

test("netting: random records end in the same state, netted or not", () => {
  const prng = new Prng(7);
  const all: Operation[] = [{ op: "swapped" }];
  for (const database of [0, 1]) {
    all.push({ op: "flushed", database });
    for (const key of ["a", "b", "c"]) all.push(removed(key, database), elements(key, database));
  }
  const operations = new Map(all.map((operation) => [latin1(encode([operation])), operation]));
  for (let run = 0; run < 500; run++) {
    const records = Array.from({ length: 1 + prng.below(6) }, () =>
      encode(Array.from({ length: prng.below(4) }, () => prng.pick(all))),
    );
    expect(replayed(netRedo(records), operations)).toBe(replayed(records, operations));
  }
});
