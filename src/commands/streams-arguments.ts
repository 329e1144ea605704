// What the stream commands share: ids as arguments, the stream under a key, entries as replies.
// Errors and forms: Redis 7.0, t_stream.c.

import { writeInteger } from "../base/digits.js";
import type { Ref } from "../keyspace/arena.js";
import type { EntryView } from "../keyspace/stream-chunk.js";
import { StreamEdit, streamUnder } from "../keyspace/stream-edit.js";
import { EntryCursor } from "../keyspace/stream-entries.js";
import type { StreamStore } from "../keyspace/stream-store.js";
import {
  compareIds,
  idMax,
  idMin,
  idOf,
  idText,
  nextId,
  previousId,
  readWord,
  type StreamId,
} from "../lattice/stream-id.js";
import type { Call } from "./call.js";
import { fail } from "./errors.js";

/** The edit of the command that runs. */
export const edit = new StreamEdit();

/** Begins to write the stream at key argument `index`, whose visible record is `ref`. */
export const begin = (call: Call, index: number, ref: Ref): StreamEdit =>
  edit.begin(call.keyspace, call.db, call.hashOf(index), call.view(index), ref);

/** The stream under a visible record; undefined after WRONGTYPE was replied. */
export function demandStream(call: Call, ref: Ref): StreamStore | undefined {
  const store = streamUnder(call.keyspace, ref);
  if (store === undefined) fail(call, "wrongType");
  return store;
}

/** An argument as C reads a string: it ends at a zero byte. */
export const cText = (call: Call, index: number): string => call.text(index).split("\0")[0]!;

// ---- ids

export interface IdForm {
  /** The sequence of an id that names none. */
  readonly missing?: "0" | "max";
  /** "-" and "+" are no ids here. */
  readonly isStrict?: boolean;
  /** `<ms>-*` is an id whose sequence is to be found. */
  readonly mayAsk?: boolean;
}

export interface AskedId {
  readonly id: StreamId;
  /** False for `<ms>-*`. */
  readonly hasSequence: boolean;
}

const idLengthMax = 127;

/** Reads an id; undefined when the text is none. */
export function readIdText(text: string, form: IdForm): AskedId | undefined {
  if (text.length > idLengthMax) return undefined;
  const plain = text.split("\0")[0]!;
  if (plain === "-" || plain === "+") {
    if (form.isStrict === true) return undefined;
    return { id: plain === "-" ? idMin : idMax, hasSequence: true };
  }
  const dash = plain.indexOf("-");
  const ms = readWord(dash < 0 ? plain : plain.slice(0, dash));
  if (ms === undefined) return undefined;
  if (dash < 0) {
    const id = form.missing === "max" ? { ...idMax } : { ...idMin };
    return { id: { ...id, msHigh: ms.high, msLow: ms.low }, hasSequence: true };
  }
  const rest = plain.slice(dash + 1);
  if (form.mayAsk === true && rest === "*")
    return { id: idOf(ms.high, ms.low, 0, 0), hasSequence: false };
  const seq = readWord(rest);
  if (seq === undefined) return undefined;
  return { id: idOf(ms.high, ms.low, seq.high, seq.low), hasSequence: true };
}

const invalidId = "ERR Invalid stream ID specified as stream command argument";

export function idArgument(call: Call, index: number, form: IdForm): AskedId | undefined {
  const asked = readIdText(call.text(index), form);
  if (asked === undefined) call.reply.error(invalidId);
  return asked;
}

/** An id that is spelled out; undefined after the error was replied. */
export const strictId = (call: Call, index: number): StreamId | undefined =>
  idArgument(call, index, { isStrict: true })?.id;

/** Ids from an argument on; undefined after the error was replied. */
export function strictIds(call: Call, first: number): StreamId[] | undefined {
  const ids: StreamId[] = [];
  for (let index = first; index < call.argc; index++) {
    const id = strictId(call, index);
    if (id === undefined) return undefined;
    ids.push(id);
  }
  return ids;
}

/**
 * One end of a range, where "(" leaves the id itself out; undefined after the error was replied.
 */
function boundArgument(call: Call, index: number, isStart: boolean): StreamId | undefined {
  const text = call.text(index);
  const isOpen = text.length > 1 && text.startsWith("(");
  const missing = isStart ? "0" : "max";
  const asked = readIdText(isOpen ? text.slice(1) : text, { missing, isStrict: isOpen });
  if (asked === undefined) {
    call.reply.error(invalidId);
    return undefined;
  }
  if (!isOpen) return asked.id;
  const id = isStart ? nextId(asked.id) : previousId(asked.id);
  if (id === undefined)
    call.reply.error(`ERR invalid ${isStart ? "start" : "end"} ID for the interval`);
  return id;
}

export const startArgument = (call: Call, index: number): StreamId | undefined =>
  boundArgument(call, index, true);

export const endArgument = (call: Call, index: number): StreamId | undefined =>
  boundArgument(call, index, false);

// ---- replies

const idScratch = new Uint8Array(48);

/** Halves of more than this make integers that are not exact as numbers. */
const highMax = 0x1f_ffff;

export function replyId({ reply }: Call, id: StreamId): void {
  if (id.msHigh > highMax || id.seqHigh > highMax) {
    reply.bulkText(idText(id));
    return;
  }
  let length = writeInteger(idScratch, 0, id.msHigh * 0x1_0000_0000 + id.msLow);
  idScratch[length++] = 45;
  length += writeInteger(idScratch, length, id.seqHigh * 0x1_0000_0000 + id.seqLow);
  reply.bulk(idScratch, 0, length);
}

/** The entry that a view stands at: its id and its fields. */
export function replyEntry(call: Call, view: EntryView): void {
  const { reply } = call;
  reply.array(2);
  replyId(call, view);
  reply.array(view.fieldCount);
  view.visitFields((bytes, start, length) => reply.bulk(bytes, start, length));
}

const reader = new EntryCursor();

/** Replies one entry of an id; false when there is none. */
export function replyEntryOf(call: Call, store: StreamStore, id: StreamId): boolean {
  if (!reader.seek(store, id) || compareIds(reader, id) !== 0) return false;
  replyEntry(call, reader);
  return true;
}

export interface EntryRange {
  readonly start: StreamId;
  readonly end: StreamId;
  /** 0 for all. */
  readonly count: number;
  readonly isReverse: boolean;
}

/** Replies the entries of a range as an array, and calls `each` for every one. */
export function replyRange(
  call: Call,
  store: StreamStore,
  range: EntryRange,
  each?: (view: EntryView) => void,
): void {
  const { start, end, count, isReverse } = range;
  const at = call.reply.length;
  let replied = 0;
  let has = isReverse ? reader.seekLast(store, end) : reader.seek(store, start);
  while (has) {
    if (isReverse ? compareIds(reader, start) < 0 : compareIds(reader, end) > 0) break;
    replyEntry(call, reader);
    each?.(reader);
    if (++replied === count) break;
    has = isReverse ? reader.previous() : reader.next();
  }
  call.reply.insertHead("array", at, replied);
}
