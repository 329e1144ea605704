// Hashes: writing and reading fields. A field is an element of the key's entry; what is kept where
// is the keyspace's business (keyspace/collection.ts). HSET, HGET and HDEL of compact hashes
// allocate nothing. Replies and errors: Redis 7.0, t_hash.c. Numbers are in hashes-count.ts, random
// fields and HSCAN in hashes-random.ts.

import { Collection } from "../keyspace/collection.js";
import { CollectionEditor } from "../keyspace/collection-edit.js";
import * as record from "../keyspace/record.js";
import { slots } from "../lattice/key-entry.js";
import type { Call } from "./call.js";
import { limitsOf } from "./collection-limits.js";
import { type CommandSpec, oneKey } from "./command.js";
import { fail, failArity } from "./errors.js";
import { notify } from "./notify.js";

/** The hash that a read looks at, and the edit of a write. Commands do not overlap. */
const fields = new Collection();
const editor = new CollectionEditor();

/** Looks at the hash under argument 1; false after WRONGTYPE was replied. */
export function openHash(call: Call, view: Collection = fields): boolean {
  if (view.open(call.keyspace, call.findForRead(1), slots.hash)) return true;
  fail(call, "wrongType");
  return false;
}

/** Begins an edit of the hash under argument 1; undefined after WRONGTYPE was replied. */
export function editHash(call: Call): CollectionEditor | undefined {
  const { keyspace, db, bytes } = call;
  const hash = call.hashOf(1);
  const start = call.start(1);
  const size = call.size(1);
  const ref = call.findForWrite(1);
  if (editor.begin(keyspace, db, slots.hash, hash, bytes, start, size, ref)) return editor;
  fail(call, "wrongType");
  return undefined;
}

/**
 * Ends an edit in which fields and values of up to `longest` bytes were written: Redis might leave
 * the listpack.
 */
export function endHash(call: Call, longest: number): void {
  editor.end();
  const { arena } = call.keyspace;
  const { ref } = editor;
  if (ref === 0 || record.isRoomy(arena, ref)) return;
  const limits = limitsOf(call);
  if (longest > limits.hashValueBytes || editor.count > limits.hashEntries)
    record.markRoomy(arena, ref);
}

/**
 * Writes the pairs from argument 2 on; how many fields are new, or -1 after an error was replied.
 */
function putPairs(call: Call): number {
  if (call.argc % 2 === 1) {
    failArity(call);
    return -1;
  }
  if (editHash(call) === undefined) return -1;
  const { bytes, ranges, first, argc } = call;
  let created = 0;
  let longest = 0;
  for (let at = first + 4; at < first + argc * 2; at += 4) {
    const length = ranges[at + 1]!;
    const valueLength = ranges[at + 3]!;
    const isNew = editor.put(
      bytes,
      ranges[at]!,
      length,
      bytes,
      ranges[at + 2]!,
      valueLength,
      false,
    );
    if (isNew) created++;
    if (length > longest) longest = length;
    if (valueLength > longest) longest = valueLength;
  }
  endHash(call, longest);
  call.keyspace.dirty += (argc >> 1) - 2; // One was counted by the edit.
  notify(call, "hash", "hset", 1);
  return created;
}

function hset(call: Call): void {
  const created = putPairs(call);
  if (created >= 0) call.reply.integer(created);
}

function hmset(call: Call): void {
  if (putPairs(call) >= 0) call.reply.ok();
}

function hsetnx(call: Call): void {
  if (editHash(call) === undefined) return;
  const { bytes } = call;
  const size = call.size(2);
  if (editor.find(bytes, call.start(2), size)) {
    editor.end();
    call.reply.integer(0);
    return;
  }
  editor.put(bytes, call.start(2), size, bytes, call.start(3), call.size(3), false);
  endHash(call, Math.max(size, call.size(3)));
  notify(call, "hash", "hset", 1);
  call.reply.integer(1);
}

function hdel(call: Call): void {
  if (editHash(call) === undefined) return;
  let deleted = 0;
  for (let index = 2; index < call.argc && editor.count > 0; index++)
    if (editor.remove(call.bytes, call.start(index), call.size(index))) deleted++;
  editor.end();
  if (deleted > 0) {
    call.keyspace.dirty += deleted - 1;
    notify(call, "hash", "hdel", 1);
    if (editor.isEmptied) notify(call, "generic", "del", 1);
  }
  call.reply.integer(deleted);
}

/** Replies the value of the field that is argument `index`, or nil. */
function replyField(call: Call, index: number): void {
  if (fields.find(call.bytes, call.start(index), call.size(index)))
    call.reply.bulk(fields.value, fields.valueStart, fields.valueLength);
  else call.reply.nil();
}

function hget(call: Call): void {
  if (openHash(call)) replyField(call, 2);
}

function hmget(call: Call): void {
  if (!openHash(call)) return;
  call.reply.array(call.argc - 2);
  for (let index = 2; index < call.argc; index++) replyField(call, index);
}

function hexists(call: Call): void {
  if (!openHash(call)) return;
  call.reply.integer(fields.find(call.bytes, call.start(2), call.size(2)) ? 1 : 0);
}

function hstrlen(call: Call): void {
  if (!openHash(call)) return;
  const isThere = fields.find(call.bytes, call.start(2), call.size(2));
  call.reply.integer(isThere ? fields.valueLength : 0);
}

function hlen(call: Call): void {
  if (openHash(call)) call.reply.integer(fields.count);
}

function hgetall(call: Call): void {
  if (!openHash(call)) return;
  const { reply } = call;
  reply.map(fields.count);
  fields.eachByAge(({ element, elementStart, elementLength }) => {
    reply.bulk(element, elementStart, elementLength);
    reply.bulk(fields.value, fields.valueStart, fields.valueLength);
  });
  fields.close();
}

function hkeys(call: Call): void {
  if (!openHash(call)) return;
  const { reply } = call;
  reply.array(fields.count);
  fields.eachByAge(({ element, elementStart, elementLength }) => {
    reply.bulk(element, elementStart, elementLength);
  });
  fields.close();
}

function hvals(call: Call): void {
  if (!openHash(call)) return;
  const { reply } = call;
  reply.array(fields.count);
  fields.eachByAge(({ value, valueStart, valueLength }) => {
    reply.bulk(value, valueStart, valueLength);
  });
  fields.close();
}

const shared = { keys: oneKey, categories: ["hash"], group: "hash", since: "2.0.0" } as const;
const written = { ...shared, replication: "delta" } as const;
const one = "O(1)";

export const hashCommands: readonly CommandSpec[] = [
  {
    ...written,
    name: "hset",
    element: 2,
    arity: -4,
    flags: ["write", "denyoom", "fast"],
    summary: "Set the string value of a hash field",
    complexity: "O(1) for each field/value pair added, so O(N) for N pairs.",
    run: hset,
  },
  {
    ...written,
    name: "hmset",
    element: 2,
    arity: -4,
    flags: ["write", "denyoom", "fast"],
    summary: "Set multiple hash fields to multiple values",
    complexity: "O(N) where N is the number of fields being set.",
    deprecated: { since: "4.0.0", replacedBy: "`HSET` with multiple field-value pairs" },
    run: hmset,
  },
  {
    ...written,
    name: "hsetnx",
    element: 2,
    arity: 4,
    flags: ["write", "denyoom", "fast"],
    summary: "Set the value of a hash field, only if the field does not exist",
    complexity: one,
    run: hsetnx,
  },
  {
    ...written,
    name: "hdel",
    element: 2,
    arity: -3,
    flags: ["write", "fast"],
    summary: "Delete one or more hash fields",
    complexity: "O(N) where N is the number of fields to be removed.",
    run: hdel,
  },
  {
    ...shared,
    name: "hget",
    element: 2,
    arity: 3,
    flags: ["readonly", "fast"],
    summary: "Get the value of a hash field",
    complexity: one,
    run: hget,
  },
  {
    ...shared,
    name: "hmget",
    element: 2,
    arity: -3,
    flags: ["readonly", "fast"],
    summary: "Get the values of all the given hash fields",
    complexity: "O(N) where N is the number of fields being requested.",
    run: hmget,
  },
  {
    ...shared,
    name: "hexists",
    element: 2,
    arity: 3,
    flags: ["readonly", "fast"],
    summary: "Determine if a hash field exists",
    complexity: one,
    run: hexists,
  },
  {
    ...shared,
    name: "hstrlen",
    element: 2,
    arity: 3,
    flags: ["readonly", "fast"],
    since: "3.2.0",
    summary: "Get the length of the value of a hash field",
    complexity: one,
    run: hstrlen,
  },
  {
    ...shared,
    name: "hlen",
    arity: 2,
    flags: ["readonly", "fast"],
    summary: "Get the number of fields in a hash",
    complexity: one,
    run: hlen,
  },
  {
    ...shared,
    name: "hgetall",
    arity: 2,
    flags: ["readonly"],
    summary: "Get all the fields and values in a hash",
    complexity: "O(N) where N is the size of the hash.",
    run: hgetall,
  },
  {
    ...shared,
    name: "hkeys",
    arity: 2,
    flags: ["readonly", "sort_for_script"],
    summary: "Get all the fields in a hash",
    complexity: "O(N) where N is the size of the hash.",
    run: hkeys,
  },
  {
    ...shared,
    name: "hvals",
    arity: 2,
    flags: ["readonly", "sort_for_script"],
    summary: "Get all the values in a hash",
    complexity: "O(N) where N is the size of the hash.",
    run: hvals,
  },
];
