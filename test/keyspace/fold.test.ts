// Folding and unfolding are inverse: whatever entry is stored, compact or not, what comes back is
// the same to the byte. And every write on a compact record says under which stamp it happened.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Bytes, ByteWriter, fromLatin1, latin1 } from "../../src/base/bytes.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import { setDeadline } from "../../src/keyspace/deadline-record.js";
import { hashBytes } from "../../src/keyspace/hash.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import {
  counterKind,
  deadlineBytes,
  kindOf,
  objectKind,
  textKind,
  unitsOf,
} from "../../src/keyspace/record.js";
import { incrementFast, modifyText, noDeadline, setText } from "../../src/keyspace/text.js";
import { copyText } from "../../src/keyspace/text-view.js";
import { integer } from "../../src/lattice/decimal.js";
import { KeyEntry, onlyElement, slots } from "../../src/lattice/key-entry.js";
import { NameCodec } from "../../src/lattice/replica-codec.js";

const startMs = 1_800_000_000_000;

function newKeyspace(): Keyspace {
  const replicas = new ReplicaTable();
  const keyspace = new Keyspace({ replicas, self: "n0/a" });
  for (const name of ["n1/b", "n2/c"]) replicas.indexOf(name);
  keyspace.beginTurn(startMs);
  return keyspace;
}

const key = fromLatin1("key");
const hash = hashBytes(key, 0, key.length);

function encoded(entry: KeyEntry, { replicas }: Keyspace): string {
  const writer = new ByteWriter();
  entry.encode(writer, new NameCodec(replicas), replicas);
  return latin1(writer.finish());
}

const refOf = (keyspace: Keyspace): number =>
  keyspace.databases[0]!.keys.find(hash, key, 0, key.length);

describe("an entry that is stored comes back the same", () => {
  const stamp = fc.record({
    time: fc.integer({ min: 1, max: 6 }),
    replica: fc.nat({ max: 2 }),
  });
  const text = fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: -20, max: 20 }).map(String) },
    { weight: 2, arbitrary: fc.string({ maxLength: 20 }) },
    { weight: 1, arbitrary: fc.constantFrom("x".repeat(40_000), "007", "9007199254740993") },
  );
  const operation = fc.oneof(
    fc.record({ kind: fc.constant("set" as const), stamp, text }),
    fc.record({ kind: fc.constant("put" as const), stamp, text }),
    fc.record({ kind: fc.constant("add" as const), stamp, by: fc.integer({ min: -9, max: 9 }) }),
    fc.record({ kind: fc.constant("expire" as const), stamp, ms: fc.nat({ max: 9 }) }),
    fc.record({ kind: fc.constant("member" as const), stamp }),
    fc.record({ kind: fc.constant("clear" as const), stamp }),
    fc.record({ kind: fc.constant("late" as const), stamp, ms: fc.nat({ max: 9 }) }),
  );

  test("for every mixture of siblings, rows, births and deadlines", () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 6, size: "max" }), (operations) => {
        const keyspace = newKeyspace();
        const db = keyspace.databases[0]!;
        const entry = new KeyEntry();
        entry.isTracked = false;
        let time = 0;
        for (const each of operations) {
          // Times grow, as a replica's do that has seen the others; births may be older.
          time += each.stamp.time;
          const at = { time, replica: each.stamp.replica };
          const born = entry.prepare(at, false, keyspace.replicas);
          if (each.kind === "set") {
            entry.clearAll(at.replica);
            entry.assign(slots.string, onlyElement, at, at, fromLatin1(each.text));
          } else if (each.kind === "put") {
            entry.assign(slots.string, onlyElement, at, born, fromLatin1(each.text));
          } else if (each.kind === "add") {
            entry.increment(slots.string, onlyElement, at, born, integer(BigInt(each.by)));
          } else if (each.kind === "expire") {
            entry.assignDeadline(startMs + 1 + each.ms, at, born);
          } else if (each.kind === "late") {
            // What a join may leave: the deadline of an earlier key of the name.
            entry.assignDeadline(startMs + 1 + each.ms, at, { time: 1, replica: 2 });
          } else if (each.kind === "member") {
            entry.assign(slots.set, "m", at, at, new Uint8Array(0));
          } else {
            entry.clearAll(at.replica);
          }
          const before = encoded(entry, keyspace);
          keyspace.storeEntry(db, hash, key, entry.clone());
          const ref = refOf(keyspace);
          expect(encoded(keyspace.entryOrEmpty(ref), keyspace)).toBe(before);
          keyspace.verifyInvariants();
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe("what is plain stays compact, what is not becomes an object", () => {
  const put = (keyspace: Keyspace, value: string, deadline = noDeadline): void => {
    const bytes = fromLatin1(value);
    const db = keyspace.databases[0]!;
    setText(keyspace, db, hash, key, 0, key.length, bytes, 0, bytes.length, deadline);
  };
  const kind = (keyspace: Keyspace): number => kindOf(keyspace.arena, refOf(keyspace));

  test("texts and own counters", () => {
    const keyspace = newKeyspace();
    const db = keyspace.databases[0]!;
    put(keyspace, "5");
    expect(kind(keyspace)).toBe(textKind);
    keyspace.endBatch();
    incrementFast(keyspace, db, hash, key, 0, key.length, refOf(keyspace), 3);
    expect(kind(keyspace)).toBe(counterKind);
    expect(latin1(copyText(keyspace, refOf(keyspace)))).toBe("8");
    keyspace.endBatch();
    setDeadline(keyspace, db, hash, refOf(keyspace), startMs + 5);
    expect(kind(keyspace)).toBe(counterKind);
    put(keyspace, "text");
    expect(kind(keyspace)).toBe(textKind);
    keyspace.verifyInvariants();
  });

  test.each(["", "5"])("a counter over %j takes a deadline as it is", (base) => {
    const keyspace = newKeyspace();
    const db = keyspace.databases[0]!;
    if (base !== "") put(keyspace, base);
    keyspace.endBatch();
    for (const by of [3, 4]) {
      incrementFast(keyspace, db, hash, key, 0, key.length, refOf(keyspace), by);
      keyspace.endBatch();
    }
    // Header, sum, key, birth; a base adds its value before the key, time and replica behind it.
    const units = base === "" ? 3 + 1 + 1 + 1 : 3 + 2 + 1 + 3;
    expect(unitsOf(keyspace.arena, refOf(keyspace))).toBe(units);
    const before = keyspace.entryOf(refOf(keyspace)).cell(slots.string);
    setDeadline(keyspace, db, hash, refOf(keyspace), startMs + 5);
    const ref = refOf(keyspace);
    expect(kind(keyspace)).toBe(counterKind);
    expect(unitsOf(keyspace.arena, ref)).toBe(units + deadlineBytes / 8);
    expect(keyspace.entryOf(ref).cell(slots.string)).toEqual(before);
    keyspace.verifyInvariants();
  });

  test("another replica's increment", () => {
    const keyspace = newKeyspace();
    put(keyspace, "5");
    const entry = keyspace.entryOf(refOf(keyspace));
    const born = entry.birth(slots.string, keyspace.replicas)!;
    const stamp = { time: keyspace.batchTime + 1, replica: 1 };
    entry.increment(slots.string, onlyElement, stamp, born, integer(4n));
    keyspace.storeEntry(keyspace.databases[0]!, hash, key, entry);
    expect(kind(keyspace)).toBe(objectKind);
    expect(latin1(copyText(keyspace, refOf(keyspace)))).toBe("9");
    keyspace.remove(keyspace.databases[0]!, hash, refOf(keyspace));
    // The other's row is dead but only its owner may take it away (merge-rules 7).
    expect(keyspace.databases[0]!.size).toBe(0);
    expect(keyspace.databases[0]!.hiddenCount).toBe(1);
    keyspace.verifyInvariants();
  });
});

describe("every write leaves the stamp of its batch", () => {
  const nextBatch = (keyspace: Keyspace): number => {
    keyspace.endBatch();
    keyspace.beginTurn(keyspace.nowMs + 1);
    return keyspace.batchTime;
  };
  const textTime = (keyspace: Keyspace): number =>
    keyspace.entryOf(refOf(keyspace)).cell(slots.string)!.siblings[0]!.time;

  test("SET, in place and not, and with a deadline", () => {
    const keyspace = newKeyspace();
    const db = keyspace.databases[0]!;
    for (const [value, deadline] of [
      ["aaa", 0],
      ["bbb", 0],
      ["a much longer value", 0],
      ["ccc", startMs + 1000],
      ["ddd", startMs + 2000],
      ["x".repeat(50_000), 0],
      ["y".repeat(50_000), 0],
    ] as const) {
      const time = nextBatch(keyspace);
      const bytes = fromLatin1(value);
      setText(keyspace, db, hash, key, 0, key.length, bytes, 0, bytes.length, deadline);
      const { siblings } = keyspace.entryOf(refOf(keyspace)).cell(slots.string)!;
      expect(siblings.map((sibling) => [sibling.time, sibling.bornTime])).toEqual([[time, time]]);
      expect(latin1(copyText(keyspace, refOf(keyspace)))).toBe(value);
    }
    keyspace.verifyInvariants();
  });

  test("APPEND and its kin, which keep the birth", () => {
    const keyspace = newKeyspace();
    const db = keyspace.databases[0]!;
    const born = nextBatch(keyspace);
    setText(keyspace, db, hash, key, 0, key.length, key, 0, 3, noDeadline);
    let expected = "key";
    for (let round = 0; round < 40; round++) {
      const time = nextBatch(keyspace);
      const added = "z".repeat(round * 60);
      const length = expected.length + added.length;
      const held = expected.length;
      modifyText(keyspace, db, hash, key, refOf(keyspace), length, (bytes, start) =>
        bytes.set(fromLatin1(added), start + held),
      );
      expected += added;
      expect(textTime(keyspace)).toBe(time);
      const { siblings } = keyspace.entryOf(refOf(keyspace)).cell(slots.string)!;
      expect(siblings[0]!.bornTime).toBe(born);
      expect(latin1(copyText(keyspace, refOf(keyspace)))).toBe(expected);
    }
    keyspace.verifyInvariants();
  });

  test("INCR", () => {
    const keyspace = newKeyspace();
    const db = keyspace.databases[0]!;
    for (let round = 1; round < 5; round++) {
      const time = nextBatch(keyspace);
      incrementFast(keyspace, db, hash, key, 0, key.length, refOf(keyspace), 1);
      const [row] = keyspace.entryOf(refOf(keyspace)).cell(slots.string)!.rows;
      expect([row!.hiTime, row!.hi.units]).toEqual([time, BigInt(round)]);
    }
  });
});

test("nothing stored is shared with the buffer that a command was read into", () => {
  for (const length of [1, 50, 5000, 50_000]) {
    const keyspace = newKeyspace();
    const db = keyspace.databases[0]!;
    const buffer = new Uint8Array(length + 10).fill(97);
    const name: Bytes = buffer.subarray(0, 4);
    const nameHash = hashBytes(name, 0, 4);
    setText(keyspace, db, nameHash, buffer, 0, 4, buffer, 5, length, noDeadline);
    buffer.fill(98);
    const wanted = new Uint8Array(4).fill(97);
    const ref = db.keys.find(nameHash, wanted, 0, 4);
    expect(ref).not.toBe(0);
    expect(copyText(keyspace, ref).every((byte) => byte === 97)).toBe(true);
  }
});
