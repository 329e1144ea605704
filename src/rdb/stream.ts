// A stream in RDB form: its entries in listpacks, each under the id that the ids inside are counted
// from, its figures, its consumer groups. Type 15 (5.0 to 6.2) lacks some figures, which are worked
// out as Redis does. Format: Redis 7.0, rdb.c and t_stream.c.

import { type Bytes, type ByteWriter, fromLatin1, latin1, MalformedBytes } from "../base/bytes.js";
import { readListpack } from "./packed.js";
import type { RdbReader } from "./reader.js";
import { length, listpack, string } from "./write.js";

/** Two unsigned integers of 64 bits. */
export interface RdbId {
  readonly ms: bigint;
  readonly seq: bigint;
}

export interface RdbEntry {
  readonly id: RdbId;
  /** Name, value, name, value ... */
  readonly fields: readonly Bytes[];
}

export interface RdbPending {
  readonly id: RdbId;
  readonly deliveredMs: number;
  readonly deliveries: bigint;
}

export interface RdbConsumer {
  readonly name: Bytes;
  readonly seenMs: number;
  /** All of them are pending in the group. */
  readonly pending: readonly RdbId[];
}

export interface RdbGroup {
  readonly name: Bytes;
  readonly lastId: RdbId;
  /** -1 when it is not known. */
  readonly entriesRead: bigint;
  readonly pending: readonly RdbPending[];
  readonly consumers: readonly RdbConsumer[];
}

export interface RdbStream {
  readonly entries: readonly RdbEntry[];
  readonly lastId: RdbId;
  readonly maxDeletedId: RdbId;
  /** Entries ever added. */
  readonly added: bigint;
  readonly groups: readonly RdbGroup[];
}

const zeroId: RdbId = { ms: 0n, seq: 0n };

export const compareRdbIds = (a: RdbId, b: RdbId): number =>
  a.ms === b.ms ? compareWords(a.seq, b.seq) : compareWords(a.ms, b.ms);

const compareWords = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);

const refuse = (what: string): never => {
  throw new MalformedBytes(what);
};

const flag = { deleted: 1, sameNames: 2 } as const;

// ---- reading

/** @throws MalformedBytes when the bytes are no stream. */
export function readStream(reader: RdbReader, hasFigures: boolean): RdbStream {
  const entries: RdbEntry[] = [];
  for (let nodes = reader.count(2); nodes > 0; nodes--) {
    const base = reader.string();
    if (base.length !== 16) refuse("a node of a stream without an id");
    readNode(rawId(base), readListpack(reader.string()), entries);
  }
  if (reader.word() !== BigInt(entries.length)) refuse("a stream of another length");
  const lastId = readId(reader);
  if (hasFigures) readId(reader); // The first id, which follows from the entries.
  const maxDeletedId = hasFigures ? readId(reader) : zeroId;
  const added = hasFigures ? reader.word() : BigInt(entries.length);
  const last = entries.at(-1);
  if (last !== undefined && compareRdbIds(last.id, lastId) > 0)
    refuse("an entry above the last id of its stream");
  const groups: RdbGroup[] = [];
  const names = new Set<string>();
  for (let count = reader.count(5); count > 0; count--) {
    const group = readGroup(reader, hasFigures, entries, lastId);
    if (names.has(latin1(group.name))) refuse("a consumer group twice");
    names.add(latin1(group.name));
    groups.push(group);
  }
  return { entries, lastId, maxDeletedId, added: BigInt.asIntN(64, added), groups };
}

const readId = (reader: RdbReader): RdbId => ({ ms: reader.word(), seq: reader.word() });

function rawId(bytes: Bytes): RdbId {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { ms: view.getBigUint64(0), seq: view.getBigUint64(8) };
}

/** Takes the elements of a node's listpack one after the other. */
class Elements {
  readonly #list: readonly Bytes[];
  at = 0;

  constructor(list: readonly Bytes[]) {
    this.#list = list;
  }

  get isOver(): boolean {
    return this.at === this.#list.length;
  }

  bytes(): Bytes {
    return this.#list[this.at++] ?? refuse("a node of a stream ends inside an entry");
  }

  integer(): bigint {
    const text = latin1(this.bytes());
    return /^(0|-?[1-9]\d*)$/.test(text) ? BigInt(text) : refuse("no number in a stream's node");
  }

  count(max: number): number {
    const value = this.integer();
    return value >= 0n && value <= BigInt(max)
      ? Number(value)
      : refuse("a count in a stream's node");
  }
}

function readNode(base: RdbId, list: readonly Bytes[], entries: RdbEntry[]): void {
  const node = new Elements(list);
  const valid = node.count(list.length);
  const deleted = node.count(list.length);
  const names: Bytes[] = [];
  for (let left = node.count(list.length); left > 0; left--) names.push(node.bytes());
  if (node.integer() !== 0n) refuse("the names of a stream's node have no end");
  let gone = 0;
  for (let left = valid + deleted; left > 0; left--) {
    const entry = readEntry(node, base, names, list.length);
    if (entry === undefined) {
      gone++;
      continue;
    }
    const before = entries.at(-1);
    if (before !== undefined && compareRdbIds(before.id, entry.id) >= 0)
      refuse("entries of a stream out of order");
    entries.push(entry);
  }
  if (gone !== deleted || !node.isOver) refuse("a node of a stream with other counts");
}

/** Undefined for an entry that was deleted. */
function readEntry(
  node: Elements,
  base: RdbId,
  names: readonly Bytes[],
  countMax: number,
): RdbEntry | undefined {
  const start = node.at;
  const flags = Number(node.count(flag.deleted | flag.sameNames));
  const ms = BigInt.asUintN(64, base.ms + node.integer());
  const seq = BigInt.asUintN(64, base.seq + node.integer());
  const fields: Bytes[] = [];
  if ((flags & flag.sameNames) !== 0) for (const name of names) fields.push(name, node.bytes());
  else
    for (let left = node.count(countMax); left > 0; left--) fields.push(node.bytes(), node.bytes());
  if (node.at - start !== node.count(countMax)) refuse("an entry of a stream of another size");
  return (flags & flag.deleted) !== 0 ? undefined : { id: { ms, seq }, fields };
}

function readGroup(
  reader: RdbReader,
  hasFigures: boolean,
  entries: readonly RdbEntry[],
  top: RdbId,
): RdbGroup {
  const name = reader.string();
  const lastId = readId(reader);
  const entriesRead = hasFigures
    ? BigInt.asIntN(64, reader.word())
    : readUpTo(lastId, entries, top);
  const pending: RdbPending[] = [];
  const owners = new Map<string, Bytes | undefined>();
  for (let count = reader.count(25); count > 0; count--) {
    const id = reader.raw(16);
    if (owners.has(latin1(id))) refuse("an entry that is pending twice");
    owners.set(latin1(id), undefined);
    const deliveredMs = Number(reader.i64());
    pending.push({ id: rawId(id), deliveredMs, deliveries: reader.word() });
  }
  const consumers: RdbConsumer[] = [];
  for (let count = reader.count(10); count > 0; count--)
    consumers.push(readConsumer(reader, owners));
  if (new Set(consumers.map((consumer) => latin1(consumer.name))).size < consumers.length)
    refuse("a consumer twice");
  if ([...owners.values()].includes(undefined)) refuse("an entry that is pending for nobody");
  return { name, lastId, entriesRead, pending, consumers };
}

function readConsumer(reader: RdbReader, owners: Map<string, Bytes | undefined>): RdbConsumer {
  const name = reader.string();
  const seenMs = Number(reader.i64());
  const pending: RdbId[] = [];
  for (let count = reader.count(16); count > 0; count--) {
    const id = reader.raw(16);
    const key = latin1(id);
    if (!owners.has(key)) refuse("a consumer waits for what is not pending in its group");
    if (owners.get(key) !== undefined) refuse("an entry that is pending for two consumers");
    owners.set(key, name);
    pending.push(rawId(id));
  }
  return { name, seenMs, pending };
}

/** How many entries a group has read that did not count them; -1 when that cannot be told. */
function readUpTo(id: RdbId, entries: readonly RdbEntry[], top: RdbId): bigint {
  const [first] = entries;
  if (first === undefined) return 0n;
  const side = compareRdbIds(id, top);
  if (side === 0) return BigInt(entries.length);
  if (side > 0) return -1n;
  const before = compareRdbIds(id, first.id);
  if (before < 0) return 0n;
  return before === 0 ? 1n : -1n;
}

// ---- writing

const nodeEntriesMax = 100;
const nodeBytesMax = 4096;

export function writeStream(writer: ByteWriter, stream: RdbStream): void {
  const nodes = nodesOf(stream.entries);
  length(writer, nodes.length);
  for (const node of nodes) {
    string(writer, idBytes(node[0]!.id));
    string(writer, listpack(nodeElements(node)));
  }
  word(writer, BigInt(stream.entries.length));
  writeId(writer, stream.lastId);
  writeId(writer, stream.entries[0]?.id ?? zeroId);
  writeId(writer, stream.maxDeletedId);
  word(writer, stream.added);
  length(writer, stream.groups.length);
  for (const group of stream.groups) writeGroup(writer, group);
}

function nodesOf(entries: readonly RdbEntry[]): RdbEntry[][] {
  const nodes: RdbEntry[][] = [];
  let room = 0;
  for (const entry of entries) {
    const size = entry.fields.reduce((sum, { length: bytes }) => sum + bytes + 2, 8);
    if (size > room || nodes.at(-1)!.length >= nodeEntriesMax) {
      nodes.push([]);
      room = nodeBytesMax;
    }
    nodes.at(-1)!.push(entry);
    room -= size;
  }
  return nodes;
}

const number = (value: bigint | number): Bytes => fromLatin1(String(value));

const namesOf = (fields: readonly Bytes[]): Bytes[] => fields.filter((_, i) => i % 2 === 0);

function nodeElements(node: readonly RdbEntry[]): Bytes[] {
  const base = node[0]!;
  const names = namesOf(base.fields);
  const key = names.map((name) => latin1(name)).join("\n");
  const elements = [number(node.length), number(0), number(names.length), ...names, number(0)];
  for (const { id, fields } of node) {
    const own = namesOf(fields);
    const isSame =
      own.length === names.length && own.map((name) => latin1(name)).join("\n") === key;
    const parts = isSame ? fields.filter((_, i) => i % 2 === 1) : [number(own.length), ...fields];
    const ms = BigInt.asIntN(64, id.ms - base.id.ms);
    const seq = BigInt.asIntN(64, id.seq - base.id.seq);
    const head = [number(isSame ? flag.sameNames : 0), number(ms), number(seq)];
    for (const part of head) elements.push(part);
    for (const part of parts) elements.push(part);
    elements.push(number(head.length + parts.length));
  }
  return elements;
}

function idBytes({ ms, seq }: RdbId): Bytes {
  const view = new DataView(new ArrayBuffer(16));
  view.setBigUint64(0, ms);
  view.setBigUint64(8, seq);
  return new Uint8Array(view.buffer);
}

/** A length of 64 bits. */
function word(writer: ByteWriter, value: bigint): void {
  const unsigned = BigInt.asUintN(64, value);
  if (unsigned <= 0xffff_ffffn) {
    length(writer, Number(unsigned));
    return;
  }
  writer.u8(0x81);
  for (let shift = 56n; shift >= 0n; shift -= 8n) writer.u8(Number((unsigned >> shift) & 0xffn));
}

function writeId(writer: ByteWriter, { ms, seq }: RdbId): void {
  word(writer, ms);
  word(writer, seq);
}

function writeGroup(writer: ByteWriter, group: RdbGroup): void {
  string(writer, group.name);
  writeId(writer, group.lastId);
  word(writer, group.entriesRead);
  length(writer, group.pending.length);
  for (const { id, deliveredMs, deliveries } of group.pending) {
    writer.raw(idBytes(id)).i64(BigInt(deliveredMs));
    word(writer, deliveries);
  }
  length(writer, group.consumers.length);
  for (const { name, seenMs, pending } of group.consumers) {
    string(writer, name);
    writer.i64(BigInt(seenMs));
    length(writer, pending.length);
    for (const id of pending) writer.raw(idBytes(id));
  }
}
