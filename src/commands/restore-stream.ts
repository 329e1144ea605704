// Streams on their way to and from RDB form: entries, figures, consumer groups. What several nodes
// added under one id is one entry to Redis: the first of them is written.

import { type Bytes, fromLatin1, latin1 } from "../base/bytes.js";
import { EntryCursor } from "../keyspace/stream-entries.js";
import type { StreamGroup } from "../keyspace/stream-group.js";
import type { StreamStore } from "../keyspace/stream-store.js";
import { FieldList } from "../lattice/stream-element.js";
import { idMin, idOf, type StreamId } from "../lattice/stream-id.js";
import {
  compareRdbIds,
  type RdbEntry,
  type RdbGroup,
  type RdbId,
  type RdbPending,
  type RdbStream,
} from "../rdb/stream.js";
import type { Call } from "./call.js";
import { begin } from "./streams-arguments.js";

const half = 32n;
const low = (word: bigint): number => Number(word & 0xffff_ffffn);
const high = (word: bigint): number => Number(word >> half);

const toRdb = (id: StreamId): RdbId => ({
  ms: (BigInt(id.msHigh) << half) | BigInt(id.msLow),
  seq: (BigInt(id.seqHigh) << half) | BigInt(id.seqLow),
});

const fromRdb = ({ ms, seq }: RdbId): StreamId => idOf(high(ms), low(ms), high(seq), low(seq));

// ---- out

export function streamOf(store: StreamStore): RdbStream {
  const { lastId, maxDeletedId, added } = store.figures;
  return {
    entries: entriesOf(store),
    lastId: toRdb(lastId),
    maxDeletedId: toRdb(maxDeletedId),
    added,
    groups: store.groups.all().map(groupOf),
  };
}

function entriesOf(store: StreamStore): RdbEntry[] {
  const entries: RdbEntry[] = [];
  const cursor = new EntryCursor();
  for (let has = cursor.seek(store, idMin); has; has = cursor.next()) {
    const id = toRdb(cursor);
    const before = entries.at(-1);
    if (before !== undefined && compareRdbIds(before.id, id) === 0) continue;
    const fields: Bytes[] = [];
    cursor.visitFields((bytes, start, length) => {
      fields.push(bytes.slice(start, start + length));
    });
    entries.push({ id, fields });
  }
  return entries;
}

function groupOf(group: StreamGroup): RdbGroup {
  const pending: RdbPending[] = [];
  const owned = new Map<number, RdbId[]>();
  const table = group.pending;
  for (let has = table.seek(idMin); has; has = table.next()) {
    const id = toRdb(table.id);
    pending.push({ id, deliveredMs: table.deliveredMs, deliveries: table.deliveries });
    const ids = owned.get(table.consumer);
    if (ids === undefined) owned.set(table.consumer, [id]);
    else ids.push(id);
  }
  return {
    name: fromLatin1(group.name),
    lastId: toRdb(group.lastId),
    entriesRead: group.entriesRead,
    pending,
    consumers: group.consumers().map(({ name, seenMs, number }) => ({
      name: fromLatin1(name),
      seenMs,
      pending: owned.get(number) ?? [],
    })),
  };
}

// ---- in

const fields = new FieldList();

/** Makes the stream under the key at argument `index`, where nothing is. */
export function putStream(call: Call, index: number, stream: RdbStream): void {
  const { settings } = call.environment;
  const bytesMax = settings.number("stream-node-max-bytes");
  const countMax = settings.number("stream-node-max-entries");
  const edit = begin(call, index, 0);
  for (const entry of stream.entries)
    edit.add(fromRdb(entry.id), fieldsOf(entry.fields), { bytesMax, countMax });
  edit.setFigures({
    lastId: fromRdb(stream.lastId),
    added: stream.added,
    maxDeletedId: fromRdb(stream.maxDeletedId),
  });
  for (const group of stream.groups) {
    const name = latin1(group.name);
    edit.setGroup(name, { lastId: fromRdb(group.lastId), entriesRead: group.entriesRead });
    const pending = new Map(group.pending.map((each) => [`${each.id.ms}-${each.id.seq}`, each]));
    const made = edit.store.groups.group(name)!;
    for (const consumer of group.consumers) {
      const who = latin1(consumer.name);
      edit.setConsumer(name, who, consumer.seenMs);
      for (const id of consumer.pending) {
        const { deliveredMs, deliveries } = pending.get(`${id.ms}-${id.seq}`)!;
        edit.setPending(made, fromRdb(id), { deliveredMs, deliveries, consumer: who });
      }
    }
  }
  edit.end(1, true);
}

function fieldsOf(parts: readonly Bytes[]): FieldList {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  fields.clear(bytes);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    fields.push(at, part.length);
    at += part.length;
  }
  return fields;
}
