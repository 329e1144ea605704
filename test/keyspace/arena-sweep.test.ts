// Records that grow in waves leave free blocks of sizes that nobody asks for any more. Joined, they
// must serve the next wave, in whatever order the keys grow.

import { describe, expect, test } from "vitest";
import { Prng } from "../../src/base/prng.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import { blockUnitsMin, freeKind, refOf, wordOf } from "../../src/keyspace/arena.js";
import { Compaction } from "../../src/keyspace/compaction.js";
import { hashBytes } from "../../src/keyspace/hash.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import { unitsOf } from "../../src/keyspace/record.js";
import { noDeadline, setText } from "../../src/keyspace/text.js";
import { viewText } from "../../src/keyspace/text-view.js";

const slabBytes = 1024 * 1024;
const keyCount = 40_000;
/** Bytes of a value in each wave. */
const waves = [40, 72, 104, 150, 200, 260, 330];

class Field {
  readonly keyspace = new Keyspace({
    replicas: new ReplicaTable(),
    self: "n1/1",
    slabCapacity: slabBytes / 8,
  });
  readonly #db = this.keyspace.databases[0]!;

  constructor() {
    this.keyspace.beginTurn(1_800_000_000_000);
  }

  put(number: number, size: number): void {
    const key = Buffer.from(`key:${number}`);
    const value = new Uint8Array(size).fill((number + size) & 0xff);
    const hash = hashBytes(key, 0, key.length);
    setText(this.keyspace, this.#db, hash, key, 0, key.length, value, 0, size, noDeadline);
  }

  expectValue(number: number, size: number): void {
    const key = Buffer.from(`key:${number}`);
    const hash = hashBytes(key, 0, key.length);
    const ref = this.keyspace.find(this.#db, hash, key, 0, key.length);
    const { bytes, start, length } = viewText(this.keyspace, ref);
    expect(length).toBe(size);
    const wanted = (number + size) & 0xff;
    expect(bytes.subarray(start, start + length).every((byte) => byte === wanted)).toBe(true);
  }

  /** Every slab is a row of blocks, free or live, without a gap. */
  expectWhole(): void {
    const { arena } = this.keyspace;
    arena.tops.forEach((top, slab) => {
      let unit = slab === 0 ? blockUnitsMin : 0;
      while (unit + blockUnitsMin <= top) {
        const ref = refOf(slab, unit);
        const words = arena.words[slab]!;
        const isFree = (words[wordOf(ref)]! & 0xff) === freeKind;
        const units = isFree ? words[wordOf(ref) + 1]! : arena.sizeOf(unitsOf(arena, ref));
        if (units < blockUnitsMin) throw new Error(`no block at ${slab}:${unit}`);
        unit += units;
      }
      if (unit > top) throw new Error(`the last block of slab ${slab} ends behind its top`);
    });
  }

  get heldShare(): number {
    const { arena } = this.keyspace;
    return (arena.slabCount * slabBytes) / arena.liveBytes;
  }
}

const ascending = Array.from({ length: keyCount }, (_, number) => number);

describe.each(["in the order of their making", "at random"])("keys that grow %s", (order) => {
  test("hold less than twice what is live, and nothing is lost", () => {
    const field = new Field();
    const prng = new Prng(11);
    const compaction = new Compaction(field.keyspace);
    let heldMax = 0;
    for (const size of waves) {
      const numbers = order === "at random" ? prng.shuffle([...ascending]) : ascending;
      numbers.forEach((number, n) => {
        field.put(number, size);
        // Compaction and the sweep work on one arena.
        if (n % 4000 === 0) {
          compaction.step(64);
          field.expectWhole();
        }
      });
      heldMax = Math.max(heldMax, field.heldShare);
    }
    expect(heldMax).toBeLessThan(2);
    field.keyspace.verifyInvariants();
    for (const number of ascending) field.expectValue(number, waves.at(-1)!);
  });
});
