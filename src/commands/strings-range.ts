// Parts of strings: APPEND, SETRANGE, GETRANGE, SUBSTR. Replies and errors: Redis 7.0, t_string.c.

import { modifyText, noDeadline, setText } from "../keyspace/text.js";
import { viewText } from "../keyspace/text-view.js";
import { roundedInteger, stringBytesMax } from "./arguments.js";
import type { Call } from "./call.js";
import { type CommandSpec, oneKey } from "./command.js";
import { fail } from "./errors.js";
import { demandText } from "./lookup.js";
import { notify } from "./notify.js";

function append(call: Call): void {
  const { keyspace, db, bytes } = call;
  const ref = call.findForWrite(1);
  const from = call.start(2);
  const added = call.size(2);
  let total = added;
  if (ref === 0) {
    const hash = call.hashOf(1);
    const key = call.start(1);
    setText(keyspace, db, hash, bytes, key, call.size(1), bytes, from, added, noDeadline);
  } else {
    if (!demandText(call, ref)) return;
    const held = viewText(keyspace, ref).length;
    total = held + added;
    if (total > stringBytesMax(call)) {
      fail(call, "stringTooLong");
      return;
    }
    modifyText(keyspace, db, call.hashOf(1), call.view(1), ref, total, (to, at) => {
      to.set(bytes.subarray(from, from + added), at + held);
    });
  }
  notify(call, "string", "append", 1);
  call.reply.integer(total);
}

function setrange(call: Call): void {
  const offset = roundedInteger(call, 2);
  if (Number.isNaN(offset)) return;
  if (offset < 0) {
    fail(call, "offsetRange");
    return;
  }
  const ref = call.findForWrite(1);
  if (ref !== 0 && !demandText(call, ref)) return;
  const held = ref === 0 ? 0 : viewText(call.keyspace, ref).length;
  const added = call.size(3);
  if (added === 0) {
    call.reply.integer(held);
    return;
  }
  if (offset + added > stringBytesMax(call)) {
    fail(call, "stringTooLong");
    return;
  }
  const { bytes } = call;
  const from = call.start(3);
  const length = Math.max(held, offset + added);
  modifyText(call.keyspace, call.db, call.hashOf(1), call.view(1), ref, length, (to, at) => {
    to.set(bytes.subarray(from, from + added), at + offset);
  });
  notify(call, "string", "setrange", 1);
  call.reply.integer(length);
}

function getrange(call: Call): void {
  let start = roundedInteger(call, 2);
  if (Number.isNaN(start)) return;
  let end = roundedInteger(call, 3);
  if (Number.isNaN(end)) return;
  const ref = call.findForRead(1);
  if (ref !== 0 && !demandText(call, ref)) return;
  const text = ref === 0 ? undefined : viewText(call.keyspace, ref);
  const length = text === undefined ? 0 : text.length;
  const isBackward = start < 0 && end < 0 && start > end;
  if (start < 0) start = Math.max(0, start + length);
  if (end < 0) end = Math.max(0, end + length);
  end = Math.min(end, length - 1);
  if (text === undefined || isBackward || start > end) call.reply.bulk(call.bytes, 0, 0);
  else call.reply.bulk(text.bytes, text.start + start, end - start + 1);
}

const shared = { categories: ["string"], group: "string", keys: oneKey } as const;

export const rangeCommands: readonly CommandSpec[] = [
  {
    ...shared,
    name: "append",
    arity: 3,
    flags: ["write", "denyoom", "fast"],
    replication: "delta",
    since: "2.0.0",
    summary: "Append a value to a key",
    complexity: "O(1) for small values: room grows ahead of need.",
    run: append,
  },
  {
    ...shared,
    name: "setrange",
    arity: 4,
    flags: ["write", "denyoom"],
    replication: "delta",
    since: "2.2.0",
    summary: "Overwrite part of a string at key starting at the specified offset",
    complexity: "O(M) where M is the length of the value argument.",
    run: setrange,
  },
  {
    ...shared,
    name: "getrange",
    arity: 4,
    flags: ["readonly"],
    since: "2.4.0",
    summary: "Get a substring of the string stored at a key",
    complexity: "O(N) where N is the length of the returned string.",
    run: getrange,
  },
  {
    ...shared,
    name: "substr",
    arity: 4,
    flags: ["readonly"],
    since: "1.0.0",
    summary: "Get a substring of the string stored at a key",
    complexity: "O(N) where N is the length of the returned string.",
    run: getrange,
  },
];
