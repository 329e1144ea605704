// The store of streams agrees with the plain one: the same operations, joins and deltas give the
// same cells, the same bytes and the same figures, while entries come late, chunks are parted and
// emptied, and groups lose and find what they refer to. And it is a log: what a cursor reads is
// what the sorted entries are.

import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteWriter, fromLatin1, latin1, utf8 } from "../../src/base/bytes.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import { VersionVector } from "../../src/clock/version-vector.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import { EntryCursor } from "../../src/keyspace/stream-entries.js";
import { lateIdsMax, StreamStore } from "../../src/keyspace/stream-store.js";
import { isVisible } from "../../src/lattice/cell.js";
import { integer } from "../../src/lattice/decimal.js";
import type { ElementStore } from "../../src/lattice/element-store.js";
import {
  consumerElement,
  encodeConsumer,
  encodeFigures,
  encodeGroup,
  encodePending,
  entryElement,
  FieldList,
  figuresElement,
  groupElement,
  noFigures,
  parseElement,
  pendingElement,
} from "../../src/lattice/stream-element.js";
import {
  compareIds,
  idMax,
  idMin,
  idOf,
  idText,
  type StreamId,
} from "../../src/lattice/stream-id.js";
import { runTwoReplicas, type Write } from "./two-replicas.js";

interface Step {
  readonly kind:
    | "entry"
    | "copied"
    | "many"
    | "figures"
    | "group"
    | "consumer"
    | "pending"
    | "odd"
    | "remove"
    | "increment"
    | "clearAll"
    | "join"
    | "delta";
  readonly at: number;
  readonly name: string;
  readonly text: string;
}

const kinds = fc.oneof(
  { weight: 10, arbitrary: fc.constant("entry" as const) },
  { weight: 10, arbitrary: fc.constantFrom("remove" as const, "join" as const, "delta" as const) },
  { weight: 4, arbitrary: fc.constantFrom("figures" as const, "group" as const) },
  { weight: 5, arbitrary: fc.constantFrom("consumer" as const, "pending" as const) },
  { weight: 2, arbitrary: fc.constantFrom("many" as const, "copied" as const) },
  {
    weight: 2,
    arbitrary: fc.constantFrom("odd" as const, "increment" as const, "clearAll" as const),
  },
);

const step: fc.Arbitrary<Step> = fc.record({
  kind: kinds,
  at: fc.nat({ max: 400 }),
  name: fc.constantFrom("f", "g", "h"),
  text: fc.oneof(
    { weight: 4, arbitrary: fc.string({ maxLength: 8 }) },
    { weight: 1, arbitrary: fc.constant("x".repeat(1500)) },
  ),
});

function fieldsValue(...texts: string[]) {
  const writer = new ByteWriter().varint(texts.length / 2);
  for (const text of texts) writer.bytes(utf8(text));
  return writer.finish();
}

const idAt = (at: number): StreamId => idOf(0, at >> 3, 0, at & 7);

const odd = [
  ...["", "\x01x", "\x05short", "\x06", "\x03\x00", "\x03\x00\x00\x00\x09g", "\xff"],
  entryElement(idMin, "no name"),
  pendingElement("g", idMin).slice(0, -1),
];

function write(each: Step, { store, stamp, born, replicas }: Write): void {
  const assign = (element: string, value: Uint8Array): void =>
    store.assign(element, stamp, born, value);
  const own = replicas.nameOf(stamp.replica);
  switch (each.kind) {
    case "entry":
      assign(entryElement(idAt(each.at), own), fieldsValue(each.name, each.text));
      break;
    case "copied":
      assign(entryElement(idAt(each.at), "n333/1"), fieldsValue(each.name, each.text));
      break;
    case "many":
      for (let i = 0; i < 70; i++)
        assign(entryElement(idAt(each.at + i), own), fieldsValue("f", `${i}`, "k", each.name));
      break;
    case "figures":
      assign(figuresElement, encodeFigures({ ...noFigures, lastId: idAt(each.at), added: 7n }));
      break;
    case "group":
      assign(groupElement(each.name), encodeGroup({ lastId: idAt(each.at), entriesRead: -1n }));
      break;
    case "consumer":
      assign(consumerElement(each.name, each.text), encodeConsumer(each.at));
      break;
    case "pending": {
      const figures = { deliveredMs: each.at, deliveries: 3n, consumer: each.text };
      assign(pendingElement(each.name, idAt(each.at)), encodePending(figures));
      break;
    }
    case "odd":
      assign(odd[each.at % odd.length]!, utf8(each.text));
      break;
    case "clearAll":
      store.clearAll(stamp.replica);
      break;
    default: {
      const sorted = store.sortedElements();
      if (sorted.length === 0) break;
      const element = sorted[each.at % sorted.length]!;
      if (each.kind === "increment") store.increment(element, stamp, born, integer(3n));
      else store.clear(element, stamp.replica);
    }
  }
}

const cursor = new EntryCursor();

/** The entries that a cursor meets, forwards. */
function readAll(store: StreamStore, from: StreamId = idMin): string[] {
  const read: string[] = [];
  for (let has = cursor.seek(store, from); has; has = cursor.next())
    read.push(`${idText(cursor)} ${latin1(cursor.value())}`);
  return read;
}

/** What the plain store holds as entries that a reader is given. */
function entriesOf(plain: ElementStore, from: StreamId = idMin): string[] {
  return plain.sortedElements().flatMap((element) => {
    const at = parseElement(element);
    const cell = plain.get(element)!;
    const isPlain = cell.siblings.length === 1 && cell.rows.length === 0;
    if (at?.kind !== 5 || !isPlain || at.name === "no name") return [];
    if (compareIds(at.id, from) < 0) return [];
    return [`${idText(at.id)} ${latin1(cell.siblings[0]!.value)}`];
  });
}

test("stream store: agrees with the plain store under writes, joins and deltas of two replicas", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.boolean(), step), { maxLength: 40, size: "max" }),
      (steps: [boolean, Step][]) => {
        runTwoReplicas(steps, {
          newStore: (keyspace) => new StreamStore(keyspace),
          write,
          check: (store, plain, _replicas, { at }) => {
            expect(store.visibleCount).toBe(
              plain.sortedElements().filter((element) => plain.isVisible(element)).length,
            );
            expect(readAll(store)).toEqual(entriesOf(plain));
            const from = idAt(at);
            expect(readAll(store, from)).toEqual(entriesOf(plain, from));
          },
        });
      },
    ),
    { numRuns: 40 },
  );
});

function newStore(): { store: StreamStore; replicas: ReplicaTable } {
  const replicas = new ReplicaTable();
  return { store: new StreamStore(new Keyspace({ replicas, self: "n1/1" })), replicas };
}

const stamp = { time: 5, replica: 0, bornTime: 5, bornReplica: 0 };

function fill(store: StreamStore, count: number): void {
  const fields = new FieldList();
  for (let i = 0; i < count; i++) {
    fields.read(fieldsValue("f", `${i}`));
    store.append(idOf(0, i + 1, 0, 0), stamp, fields, { bytesMax: 4096, countMax: 100 });
  }
}

test("stream store: reading backwards is reading forwards, turned round, from anywhere", () => {
  const { store } = newStore();
  fill(store, 350);
  for (const from of [idMax, idOf(0, 350, 0, 0), idOf(0, 101, 0, 0), idOf(0, 100, 0, 1), idMin]) {
    const backwards: string[] = [];
    for (let has = cursor.seekLast(store, from); has; has = cursor.previous())
      backwards.unshift(idText(cursor));
    const forwards = readAll(store).map((line) => line.split(" ")[0]!);
    const end = Math.min(350, from.msLow);
    expect(backwards).toEqual(forwards.slice(0, end));
  }
});

test("stream store: a hundred entries share a chunk, and an id is found in it", () => {
  const { store, replicas } = newStore();
  fill(store, 1000);
  expect(store.chunks.map(({ count }) => count)).toEqual(Array(10).fill(100));
  for (let i = 1; i <= 1000; i += 37) expect(store.has(idOf(0, i, 0, 0))).toBe(true);
  expect(store.has(idOf(0, 1001, 0, 0))).toBe(false);
  expect(store.has(idOf(0, 7, 0, 1))).toBe(false);
  // Ten bytes each, for an id, a stamp and the text.
  const bytes = store.chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0);
  expect(bytes).toBeLessThan(1000 * 14);
  expect(store.verify(replicas)).toBe(true);
});

test("stream store: entries of another replica that come behind one's back are late, and named", () => {
  const { store, replicas } = newStore();
  const other = replicas.indexOf("n2/1");
  const seen = new VersionVector();
  fill(store, 10);
  const add = (id: StreamId, time: number): void => {
    const sibling = { time, replica: other, bornTime: 5, bornReplica: 0 };
    const fragment = { siblings: [{ ...sibling, value: fieldsValue("f", "v") }], rows: [] };
    store.apply(entryElement(id, "n2/1"), seen, { fragment, removed: [] });
  };
  add(idOf(0, 11, 0, 0), 6);
  expect(store.lateCount).toBe(0);
  add(idOf(0, 4, 0, 0), 7);
  expect([store.lateCount, store.lateIds.map(idText)]).toEqual([1, ["4-0"]]);
  expect(store.entryCount).toBe(12);
  // The same news again is none.
  add(idOf(0, 4, 0, 0), 7);
  expect(store.lateCount).toBe(1);
  for (let i = 1; i <= lateIdsMax; i++) add(idOf(0, 4, 0, i), 7 + i);
  expect([store.lateCount, store.lateIds.length]).toEqual([lateIdsMax + 1, lateIdsMax]);
  expect(idText(store.lateIds[0]!)).toBe("4-1");
});

test("stream store: a copy keeps the names of entries, whoever added them", () => {
  const { store, replicas } = newStore();
  fill(store, 3);
  const other = { time: 6, replica: replicas.indexOf("n2/1") };
  store.assign(entryElement(idOf(0, 2, 0, 0), "n2/1"), other, other, fieldsValue("f", "v"));
  const copy = new StreamStore(new Keyspace({ replicas, self: "n1/1" }));
  copy.copyFrom(store, { ...stamp, time: 9 });
  const names = (each: StreamStore) => each.sortedElements().filter((name) => name[0] === "\x05");
  expect(names(copy)).toEqual(names(store));
  expect(copy.get(names(copy)[2]!)?.siblings[0]).toMatchObject({ time: 9, replica: 0 });
  expect(copy.verify(replicas)).toBe(true);
});

test("stream store: a second spelling of an entry's fields is kept, and is no entry", () => {
  const { store, replicas } = newStore();
  const long = fromLatin1("\x81\x00\x01f\x01v");
  const born = { time: 1, replica: 0 };
  store.assign(entryElement(idAt(3), "n1/1"), born, born, long);
  expect([store.count, store.entryCount]).toEqual([1, 0]);
  expect(store.get(entryElement(idAt(3), "n1/1"))?.siblings[0]?.value).toEqual(long);
  expect(isVisible(store.get(entryElement(idAt(3), "n1/1"))!)).toBe(true);
  expect(store.verify(replicas)).toBe(true);
});
