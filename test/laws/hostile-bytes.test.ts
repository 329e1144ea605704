// Decoding what somebody else wrote: every truncation is refused, and whatever else is done to the
// bytes, a decoder either refuses them or answers a state that encodes, decodes and joins like any
// other.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ByteReader, ByteWriter, MalformedBytes } from "../../src/base/bytes.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import { VersionVector } from "../../src/clock/version-vector.js";
import {
  decodeCell,
  emptyCell,
  encodeCell,
  type Row,
  type Sibling,
} from "../../src/lattice/cell.js";
import { integer, parseDecimal, zero } from "../../src/lattice/decimal.js";
import { DictionaryCodec, NameCodec } from "../../src/lattice/replica-codec.js";
import { subjects } from "./arbitraries.js";
import { runScript, steps } from "./script.js";

describe.each(Object.entries(subjects))("%s", (_name, { lattice, operation }) => {
  test("truncated and altered bytes are refused or are a sound state", () => {
    const alteration = fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(
        steps(operation),
        fc.array(alteration, { maxLength: 3 }),
        (script, alterations) => {
          const { replicas, log } = runScript(lattice, script, () => {});
          const table = new ReplicaTable();
          const codec = new NameCodec(table);
          const inputs = [...replicas.map((one) => one.bytes()), ...log.map((one) => one.delta)];
          inputs.forEach((whole, i) => {
            const isState = i < replicas.length;
            const read = (bytes: Uint8Array): Uint8Array => {
              const reader = new ByteReader(bytes);
              const writer = new ByteWriter();
              if (isState) {
                const state = lattice.decode(reader, codec);
                reader.expectEnd();
                const seen = new VersionVector();
                const joined = lattice.join(lattice.bottom(), seen, state, seen, table);
                lattice.query(joined, table);
                lattice.encode(writer, joined, codec, table);
              } else {
                const delta = lattice.decodeDelta(reader, codec);
                reader.expectEnd();
                lattice.encodeDelta(writer, delta, codec, table);
              }
              return writer.finish();
            };
            expect(read(whole)).toEqual(whole);
            for (let end = 0; end < whole.length; end += 1 + (whole.length >> 4))
              expect(() => read(whole.slice(0, end))).toThrow(MalformedBytes);
            const altered = whole.slice();
            for (const { at, byte } of alterations) altered[at % altered.length] = byte;
            refusedOr(() => expect(read(read(altered))).toEqual(read(altered)));
          });
        },
      ),
      { numRuns: 15 },
    );
  });
});

/** Runs `check`, which may throw `MalformedBytes` and nothing else. */
function refusedOr(check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
  }
}

describe("cell", () => {
  const table = new ReplicaTable();
  const codec = new NameCodec(table);
  const [n1, n2] = [table.indexOf("n1"), table.indexOf("n2")];
  const row: Row = {
    replica: n1,
    birth: 5,
    bornTime: 4,
    bornReplica: n2,
    hiTime: 7,
    hi: integer(3n),
    loTime: 6,
    lo: integer(2n),
  };
  const sibling: Sibling = {
    time: 5,
    replica: n1,
    bornTime: 4,
    bornReplica: n2,
    value: new Uint8Array(),
  };
  const read = (siblings: Sibling[], rows: Row[]) => {
    const writer = new ByteWriter();
    encodeCell(writer, { siblings, rows }, codec);
    return decodeCell(new ByteReader(writer.finish()), codec);
  };

  test("sound entries are read as they were, and so is an empty cell", () => {
    expect(read([sibling], [row])).toEqual({ siblings: [sibling], rows: [row] });
    expect(read([], [])).toEqual(emptyCell());
  });

  const rows: [string, Partial<Row>][] = [
    ["no birth", { birth: 0 }],
    ["a birth that is not a number", { birth: Number.NaN }],
    ["a negative time", { bornTime: -1 }],
    ["half a time", { hiTime: 7.5 }],
    ["a time beyond 53 bits", { hiTime: 2 ** 53 }],
    ["an endless time", { loTime: Number.POSITIVE_INFINITY }],
    ["a slot born after the row", { bornTime: 6 }],
    ["a sum older than its birth", { hiTime: 4 }],
    ["a reset newer than the sum", { loTime: 8 }],
    ["a reset older than the birth", { loTime: 4 }],
    ["a reset amount without a reset", { loTime: 0 }],
    ["two sums for one stamp", { loTime: 7 }],
    ["an absurd scale", { hi: { units: 3n, scale: 1e9 } }],
    ["a second spelling of a sum", { hi: { units: 30n, scale: 1 } }],
    ["an endless number", { hi: integer(10n ** 20_000n) }],
  ];
  test.each(rows)("a row with %s is malformed", (_name, part) => {
    expect(() => read([], [{ ...row, ...part }])).toThrow(MalformedBytes);
  });

  const siblings: [string, Partial<Sibling>][] = [
    ["no time", { time: 0 }],
    ["a time that is not a number", { time: Number.NaN }],
    ["a slot born later", { bornTime: 6 }],
    ["a slot never born", { bornTime: 0 }],
  ];
  test.each(siblings)("a value with %s is malformed", (_name, part) => {
    expect(() => read([{ ...sibling, ...part }], [])).toThrow(MalformedBytes);
  });

  test("two values, or two rows, of one replica are malformed", () => {
    expect(() => read([sibling, { ...sibling, time: 6 }], [])).toThrow(MalformedBytes);
    expect(() => read([], [row, { ...row, birth: 7, loTime: 0, lo: zero }])).toThrow(
      MalformedBytes,
    );
  });

  test.each(["", "x", "-", "-0", "007", "+3", "3 ", "1e3", "0x3"])(
    "the sum %j is malformed",
    (text) => {
      const writer = new ByteWriter().varint(0).varint(1);
      codec.write(writer, n1);
      writer.f64(5).f64(5);
      codec.write(writer, n1);
      writer.f64(7).varint(0).text(text).f64(0).varint(0).text("0");
      expect(() => decodeCell(new ByteReader(writer.finish()), codec)).toThrow(MalformedBytes);
    },
  );

  test("the longest sum comes back", () => {
    const hi = parseDecimal(`${"9".repeat(4096)}e4096`)!;
    expect(read([], [{ ...row, hi }]).rows[0]!.hi).toEqual(hi);
  });
});

test("a dictionary of names gives numbers back as replicas, and refuses numbers that it does not have", () => {
  const [ours, theirs] = [new ReplicaTable(), new ReplicaTable()];
  for (const name of ["x", "n1", "n2"]) ours.indexOf(name);
  const codec = new DictionaryCodec(ours);
  const body = new ByteWriter();
  for (const name of ["n2", "n1", "n2"]) codec.write(body, ours.indexOf(name));
  const head = new ByteWriter();
  codec.writeNames(head);
  const reading = new DictionaryCodec(theirs);
  reading.readNames(new ByteReader(head.finish()));
  const reader = new ByteReader(body.finish());
  const names = [0, 1, 2].map(() => theirs.nameOf(reading.read(reader)));
  expect(names).toEqual(["n2", "n1", "n2"]);
  expect(theirs.count).toBe(2);
  expect(() => reading.read(new ByteReader(new ByteWriter().varint(2).finish()))).toThrow(
    MalformedBytes,
  );
});
