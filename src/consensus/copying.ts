// How an acceptor that has nothing (new, or its state was lost) becomes one that may vote:
// consensus-rules 15. The configuration that names it was chosen by a majority of the old epoch;
// under the new epoch, which seals the old one, it copies the votes, promises and the floor of
// enough members that vote, and only then votes itself.
//
// How many are enough: whatever the old epoch chose must be known to one of them.
//
//  - Who comes in addition copies from a majority of the old members, all of whom are there still:
//    any two majorities share one. So a fourth member is ready with two of three, and one of the
//    three may be lost in that moment.
//  - Who replaces one that lost its memory copies from a majority of all: the lost one may have
//    been what an old majority and this one share. So N=3: both others; N=5: three of four.
//
// After a member was taken out, whoever still copies needs a majority as well.
//
// Who votes already copies as well in each new epoch, beside its work: what an old epoch has chosen
// and it has missed. Otherwise of three members two might go one after the other, and with them all
// who know a value: a majority of the first epoch shares a member with one of the second, and that
// with one of the third, but the first with the third may share none. Once it has asked so many
// that they are a majority with itself, it is *settled*. When a majority is, every value of the
// past is known to a majority of this epoch, and only then another change is due (clustering.ts).
//
// A source answers page by page from a list of its registers made at the first page; what it votes
// on later belongs to the new epoch and needs no copy. Bounded: one list per member, a page of
// `pageBytesMax`.

import { ByteReader, type Bytes, ByteWriter, MalformedBytes } from "../base/bytes.js";
import type { Acceptor } from "./acceptor.js";
import type { Job } from "./agenda.js";
import { type Configuration, majorityOfCount, type NodeId } from "./configuration.js";
import type { NodeContext } from "./context.js";
import type { Copy, CopyOk } from "./messages.js";
import { type AcceptorRecord, decodeRecord, encodeRecord } from "./records.js";

const pageBytesMax = 256 * 1024;
/** A page that does not come is asked for again after this. */
const repeatMs = 250;

export function copyCountOf({ members, growth }: Configuration): number {
  const others = members.length - 1;
  const before = growth === "grown" ? others : members.length;
  return Math.min(majorityOfCount(before), others);
}

/** How many others a member that votes needs, to be a majority with them. */
const settleCountOf = ({ members }: Configuration): number => majorityOfCount(members.length) - 1;

/** The side that gives. */
export class CopySource {
  readonly #acceptor: Acceptor;
  readonly #lists = new Map<NodeId, { id: number; registers: readonly string[] }>();

  constructor(acceptor: Acceptor) {
    this.#acceptor = acceptor;
  }

  /** The lists were of another epoch. */
  clear(): void {
    this.#lists.clear();
  }

  onCopy(from: NodeId, { id, page }: Copy): CopyOk {
    let list = this.#lists.get(from);
    if (list === undefined || list.id !== id) {
      list = { id, registers: [...this.#acceptor.registers()] };
      this.#lists.set(from, list);
    }
    const writer = new ByteWriter(1024);
    writer.bytes(encodeRecord(this.#acceptor.floorRecord()));
    let next = page;
    while (next < list.registers.length && writer.length < pageBytesMax) {
      const record = this.#acceptor.recordOf(list.registers[next++]!);
      if (record !== undefined) writer.bytes(encodeRecord(record));
    }
    const isLast = next >= list.registers.length;
    return { type: "copy_ok", id, page, next: isLast ? 0 : next, records: writer.finish() };
  }
}

/** The side that takes. */
export class Copying implements Job {
  dueMs = Number.POSITIVE_INFINITY;
  queuedMs = Number.POSITIVE_INFINITY;
  readonly #context: NodeContext;
  readonly #onReady: (now: number) => void;
  /** The page wanted next of each member that has not given all. */
  readonly #wanted = new Map<NodeId, number>();
  #done = new Set<NodeId>();
  #id = 0;

  constructor(context: NodeContext, onReady: (now: number) => void) {
    this.#context = context;
    this.#onReady = onReady;
  }

  get isRunning(): boolean {
    return this.#wanted.size > 0;
  }

  /** Begins anew: what was copied under an earlier epoch was not sealed by this one. */
  start(now: number): void {
    const { configuration, self } = this.#context;
    this.#id = this.#context.nextSeq();
    this.#wanted.clear();
    this.#done = new Set();
    for (const { node } of configuration.members) if (node !== self) this.#wanted.set(node, 0);
    if (this.#neededCount === 0) this.#end(now);
    else this.#ask(now);
  }

  get #neededCount(): number {
    const { configuration, votes } = this.#context;
    return votes ? settleCountOf(configuration) : copyCountOf(configuration);
  }

  stop(): void {
    this.#wanted.clear();
    this.#context.agenda.set(this, Number.POSITIVE_INFINITY);
  }

  #ask(now: number): void {
    for (const [node, page] of this.#wanted)
      this.#context.send(node, { type: "copy", id: this.#id, page });
    this.#context.agenda.set(this, now + repeatMs);
  }

  onDue(now: number): void {
    if (this.isRunning) this.#ask(now);
  }

  /** @param votes whether the source itself may vote: only then does its word count. */
  // Spec: LinearizableRegister.CopyFrom.
  onCopyOk(now: number, from: NodeId, votes: boolean, message: CopyOk): void {
    if (!votes || message.id !== this.#id || this.#wanted.get(from) !== message.page) return;
    const records = readRecords(message.records);
    if (records === undefined) return; // Asked for again, of a source that may have recovered.
    const { acceptor, configuration } = this.#context;
    for (const record of records)
      if (this.#context.votes) acceptor.learn(record, configuration.epoch);
      else acceptor.join(record);
    if (message.next > 0) {
      this.#wanted.set(from, message.next);
      this.#context.send(from, { type: "copy", id: this.#id, page: message.next });
      return;
    }
    this.#wanted.delete(from);
    this.#done.add(from);
    if (this.#done.size >= this.#neededCount) this.#end(now);
  }

  // Spec: LinearizableRegister.EndCopying.
  #end(now: number): void {
    this.stop();
    this.#onReady(now);
  }
}

/** Undefined when the bytes are not records: then none of them is taken. */
function readRecords(bytes: Bytes): AcceptorRecord[] | undefined {
  try {
    const reader = new ByteReader(bytes);
    const records: AcceptorRecord[] = [];
    while (reader.remaining > 0) {
      const record = decodeRecord(reader.bytes());
      if (record.kind === "configuration") return undefined;
      records.push(record);
    }
    return records;
  } catch (error) {
    if (error instanceof MalformedBytes) return undefined;
    throw error;
  }
}
