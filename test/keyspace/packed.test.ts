// Packed records: what is written into one comes out of it, byte for byte and stamp for stamp,
// while it grows, shrinks and moves; and unfolding and folding are inverse.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { draws } from "../../scripts/lib/test-seed.js";
import { type Bytes, ByteWriter, emptyBytes, fromLatin1, latin1 } from "../../src/base/bytes.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import type { Ref } from "../../src/keyspace/arena.js";
import { hashBytes } from "../../src/keyspace/hash.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import {
  PackedCursor,
  packedBytesMax,
  packedCountMax,
  stampBytes,
  verifyPacked,
  writeStamp,
} from "../../src/keyspace/packed.js";
import { createPacked, putPacked, removePacked } from "../../src/keyspace/packed-edit.js";
import {
  isPacked,
  kindOf,
  objectKind,
  packedHashKind,
  packedSetKind,
  replicaOf,
  timeOf,
} from "../../src/keyspace/record.js";
import { KeyEntry, onlyElement, type Slot, slots } from "../../src/lattice/key-entry.js";
import { NameCodec } from "../../src/lattice/replica-codec.js";

const startMs = 1_800_000_000_000;
const key = fromLatin1("key");
const hash = hashBytes(key, 0, key.length);

function newKeyspace(): Keyspace {
  const replicas = new ReplicaTable();
  const keyspace = new Keyspace({ replicas, self: "n0/a" });
  for (const name of ["n1/b", "n2/c"]) replicas.indexOf(name);
  keyspace.beginTurn(startMs);
  return keyspace;
}

const refOf = (keyspace: Keyspace): Ref =>
  keyspace.databases[0]!.keys.find(hash, key, 0, key.length);

test("a stamp of any age takes the bytes that it was said to take", () => {
  const delay = fc.oneof(
    fc.nat({ max: 300 }),
    fc.maxSafeNat(),
    fc.constantFrom(0, 63, 64, 0x1fff, 0x2000, 0x100000, Number.MAX_SAFE_INTEGER),
  );
  fc.assert(
    fc.property(delay, fc.boolean(), fc.nat({ max: 0xffff }), (age, isOthers, replica) => {
      const cursor = new PackedCursor();
      cursor.bytes = new Uint8Array(40);
      const end = writeStamp(cursor.bytes, 7, age, isOthers, replica);
      cursor.entryStart = 7;
      expect(end - 7).toBe(stampBytes(age, isOthers));
      expect(cursor.delay).toBe(age);
      expect(cursor.replica(0x1_0000)).toBe(isOthers ? replica : 0x1_0000);
    }),
  );
});

interface Held {
  readonly value: string;
  readonly time: number;
}

/** A packed record beside a plain map of the same elements. */
class Twins {
  readonly keyspace = newKeyspace();
  readonly model = new Map<string, Held>();
  readonly cursor = new PackedCursor();
  readonly kind: number;

  constructor(kind: number) {
    this.kind = kind;
  }

  get ref(): Ref {
    return refOf(this.keyspace);
  }

  find(element: Bytes): boolean {
    return this.cursor.open(this.keyspace.arena, this.ref).find(element, 0, element.length);
  }

  put(name: string, text: string): void {
    const { keyspace, kind } = this;
    const db = keyspace.databases[0]!;
    const element = fromLatin1(name);
    const value = kind === packedSetKind ? emptyBytes : fromLatin1(text);
    const { length } = value;
    const held = { value: latin1(value), time: keyspace.batchTime };
    const size = element.length;
    let fresh: Ref;
    if (this.ref === 0) {
      const { length: keyLength } = key;
      fresh = createPacked(
        keyspace,
        db,
        hash,
        kind,
        key,
        0,
        keyLength,
        element,
        0,
        size,
        value,
        0,
        length,
      );
    } else {
      const isThere = this.find(element);
      const { ref, cursor } = this;
      const most = packedCountMax;
      fresh = putPacked(
        keyspace,
        db,
        hash,
        ref,
        cursor,
        isThere,
        most,
        element,
        0,
        size,
        value,
        0,
        length,
      );
    }
    if (fresh === 0) {
      const payload = [...this.model].reduce((sum, [a, b]) => sum + a.length + b.value.length, 0);
      expect(payload + size + length).toBeGreaterThan(packedBytesMax - 5000);
      return;
    }
    expect(fresh).toBe(this.ref);
    this.model.set(name, held);
  }

  remove(name: string): void {
    const { keyspace } = this;
    const element = fromLatin1(name);
    const isThere = this.ref !== 0 && this.find(element);
    expect(isThere).toBe(this.model.has(name));
    if (!isThere) return;
    this.model.delete(name);
    if (this.model.size === 0) keyspace.remove(keyspace.databases[0]!, hash, this.ref);
    else removePacked(keyspace, keyspace.databases[0]!, hash, this.ref, this.cursor);
  }

  check(): void {
    const { keyspace, ref, model, cursor } = this;
    expect(ref === 0).toBe(model.size === 0);
    keyspace.verifyInvariants();
    if (ref === 0) return;
    verifyPacked(keyspace.arena, ref);
    expect(cursor.open(keyspace.arena, ref).count).toBe(model.size);
    const found = new Map<string, Held>();
    while (cursor.next()) {
      const value = this.kind === packedSetKind ? "" : latin1(cursor.value());
      const time = timeOf(keyspace.arena, ref) + cursor.delay;
      found.set(latin1(cursor.element()), { value, time });
    }
    expect(found).toEqual(model);
  }
}

describe("a packed record beside a plain map", () => {
  const name = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom("a", "b", "c", "", "\x00", "\xff\x80") },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 40 }).map((n) => `field${n}`) },
    { weight: 1, arbitrary: fc.constantFrom("n".repeat(127), "n".repeat(128), "n".repeat(5000)) },
  );
  const text = fc.oneof(
    { weight: 4, arbitrary: fc.string({ maxLength: 12 }) },
    { weight: 1, arbitrary: fc.constantFrom("v".repeat(127), "v".repeat(128), "v".repeat(4000)) },
  );
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("put" as const), name, text }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("remove" as const), name }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.nat(1e12) }) },
  );

  for (const kind of [packedHashKind, packedSetKind]) {
    test(kind === packedHashKind ? "hash" : "set", () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
          const twins = new Twins(kind);
          for (const each of steps) {
            if (each.kind === "put") twins.put(each.name, each.text);
            else if (each.kind === "remove") twins.remove(each.name);
            else {
              twins.keyspace.endBatch();
              twins.keyspace.beginTurn(twins.keyspace.nowMs + each.ms);
            }
            twins.check();
          }
        }),
        { numRuns: draws(60) },
      );
    });
  }
});

describe("folding and unfolding are inverse", () => {
  const stamp = fc.record({ time: fc.integer({ min: 5, max: 400 }), replica: fc.nat({ max: 2 }) });
  const element = fc.record({
    name: fc.constantFrom("a", "b", "c", "\xff", "long".repeat(40)),
    stamp,
    value: fc.string({ maxLength: 6 }),
    /** One in a few is born apart: then nothing is packed. */
    isApart: fc.integer({ min: 0, max: 15 }).map((n) => n === 0),
  });

  function encoded(entry: KeyEntry, { replicas }: Keyspace): string {
    const writer = new ByteWriter();
    entry.encode(writer, new NameCodec(replicas), replicas);
    return latin1(writer.finish());
  }

  test("for any elements, births and deadlines", () => {
    const packed = { yes: 0, no: 0 };
    fc.assert(
      fc.property(
        fc.constantFrom<Slot>(slots.hash, slots.set),
        fc.array(element, { minLength: 1, maxLength: 8, size: "max" }),
        fc.integer({ min: 0, max: 2 }),
        fc.option(stamp),
        (slot, elements, bornReplica, deadline) => {
          const keyspace = newKeyspace();
          const entry = new KeyEntry();
          entry.isTracked = false;
          const born = { time: 5, replica: bornReplica };
          for (const { name, stamp, value, isApart } of elements) {
            const bytes = slot === slots.hash ? fromLatin1(value) : emptyBytes;
            entry.assign(slot, name, stamp, isApart ? { time: 4, replica: 0 } : born, bytes);
          }
          if (deadline !== null) entry.assignDeadline(startMs + 99, deadline, born);
          const before = encoded(entry, keyspace);
          const birth = entry.birth(slot, keyspace.replicas)!;
          keyspace.storeEntry(keyspace.databases[0]!, hash, key, entry);
          const ref = refOf(keyspace);
          expect(encoded(keyspace.entryOf(ref), keyspace)).toBe(before);
          keyspace.verifyInvariants();
          if (isPacked(kindOf(keyspace.arena, ref))) {
            packed.yes++;
            expect(timeOf(keyspace.arena, ref)).toBe(birth.time);
            expect(replicaOf(keyspace.arena, ref)).toBe(birth.replica);
          } else packed.no++;
        },
      ),
      { numRuns: 200 },
    );
    // Both ways were taken, else the test has shown nothing.
    expect(Math.min(packed.yes, packed.no)).toBeGreaterThan(10);
  });

  test("an entry with siblings, rows or a second slot stays an object", () => {
    const keyspace = newKeyspace();
    const born = { time: 5, replica: 1 };
    const values = [born, { time: 6, replica: 2 }].map((stamp) => ({
      ...stamp,
      bornTime: 5,
      bornReplica: 1,
      value: fromLatin1("v"),
    }));
    const siblings = new KeyEntry();
    siblings.restore(slots.hash, "f", { siblings: values, rows: [] });
    const clash = new KeyEntry();
    clash.restore(slots.hash, "f", { siblings: [values[0]!], rows: [] });
    clash.restore(slots.string, onlyElement, { siblings: [values[1]!], rows: [] });
    for (const entry of [siblings, clash]) {
      const before = encoded(entry, keyspace);
      keyspace.storeEntry(keyspace.databases[0]!, hash, key, entry);
      expect(kindOf(keyspace.arena, refOf(keyspace))).toBe(objectKind);
      expect(encoded(keyspace.entryOf(refOf(keyspace)), keyspace)).toBe(before);
      keyspace.verifyInvariants();
    }
  });
});
