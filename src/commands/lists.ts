// Lists at their ends and by index: pushing, popping, reading. An element's place among those of
// other nodes is said by merge-rules 18; a pop removes what this node has seen, so two nodes may
// pop the same element (queues that need exactly once use linearizable keys). Replies and errors:
// Redis 7.0, t_list.c.

import { roundedInteger } from "./arguments.js";
import type { Call } from "./call.js";
import { type CommandSpec, oneKey } from "./command.js";
import { failArity } from "./errors.js";
import {
  begin,
  demandList,
  edit,
  end,
  integerFrom,
  popMany,
  popOne,
  pushEvent,
  replyRange,
  replyValue,
} from "./lists-lookup.js";

const push =
  (isFront: boolean, onlyIfPresent: boolean) =>
  (call: Call): void => {
    const ref = call.findForWrite(1);
    if (ref === 0 && onlyIfPresent) {
      call.reply.integer(0);
      return;
    }
    if (!begin(call, 1, ref)) return;
    for (let index = 2; index < call.argc; index++)
      edit.push(isFront, call.bytes, call.start(index), call.size(index));
    const count = edit.visibleCount;
    end(call, 1, pushEvent(isFront));
    call.reply.integer(count);
  };

const pop =
  (isFront: boolean) =>
  (call: Call): void => {
    if (call.argc > 3) {
      failArity(call);
      return;
    }
    const hasCount = call.argc === 3;
    const count = hasCount ? integerFrom(call, 2, 0, "value is out of range, must be positive") : 1;
    if (Number.isNaN(count)) return;
    const ref = call.findForWrite(1);
    if (ref === 0) {
      if (hasCount) call.reply.nilArray();
      else call.reply.nil();
      return;
    }
    const store = demandList(call, ref);
    if (store === undefined) return;
    if (!hasCount) popOne(call, 1, ref, store, isFront);
    else if (count === 0) call.reply.array(0);
    else popMany(call, 1, ref, store, isFront, count);
  };

function llen(call: Call): void {
  const ref = call.findForRead(1);
  if (ref === 0) {
    call.reply.integer(0);
    return;
  }
  const store = demandList(call, ref);
  if (store !== undefined) call.reply.integer(store.visibleCount);
}

function lrange(call: Call): void {
  let start = roundedInteger(call, 2);
  if (Number.isNaN(start)) return;
  let stop = roundedInteger(call, 3);
  if (Number.isNaN(stop)) return;
  const ref = call.findForRead(1);
  if (ref === 0) {
    call.reply.array(0);
    return;
  }
  const store = demandList(call, ref);
  if (store === undefined) return;
  const count = store.visibleCount;
  if (start < 0) start = Math.max(0, count + start);
  stop = Math.min(stop < 0 ? count + stop : stop, count - 1);
  const size = Math.max(0, stop - start + 1);
  call.reply.array(size);
  replyRange(call, store, start, size, false);
}

function lindex(call: Call): void {
  const ref = call.findForRead(1);
  if (ref === 0) {
    call.reply.nil();
    return;
  }
  const store = demandList(call, ref);
  if (store === undefined) return;
  const given = roundedInteger(call, 2);
  if (Number.isNaN(given)) return;
  const index = given < 0 ? store.visibleCount + given : given;
  if (index < 0 || index >= store.visibleCount) {
    call.reply.nil();
    return;
  }
  store.seek(index);
  replyValue(call, store);
}

const shared = { keys: oneKey, categories: ["list"], group: "list" } as const;
const writing = { ...shared, replication: "delta" } as const;

const popComplexity = "O(N) where N is the number of elements returned";
const pushComplexity =
  "O(1) for each element added, so O(N) to add N elements when the command is called with " +
  "multiple arguments.";

export const listCommands: readonly CommandSpec[] = [
  {
    ...writing,
    name: "lpush",
    arity: -3,
    flags: ["write", "denyoom", "fast"],
    since: "1.0.0",
    summary: "Prepend one or multiple elements to a list",
    complexity: pushComplexity,
    run: push(true, false),
  },
  {
    ...writing,
    name: "rpush",
    arity: -3,
    flags: ["write", "denyoom", "fast"],
    since: "1.0.0",
    summary: "Append one or multiple elements to a list",
    complexity: pushComplexity,
    run: push(false, false),
  },
  {
    ...writing,
    name: "lpushx",
    arity: -3,
    flags: ["write", "denyoom", "fast"],
    since: "2.2.0",
    summary: "Prepend an element to a list, only if the list exists",
    complexity: pushComplexity,
    run: push(true, true),
  },
  {
    ...writing,
    name: "rpushx",
    arity: -3,
    flags: ["write", "denyoom", "fast"],
    since: "2.2.0",
    summary: "Append an element to a list, only if the list exists",
    complexity: pushComplexity,
    run: push(false, true),
  },
  {
    ...writing,
    name: "lpop",
    arity: -2,
    flags: ["write", "fast"],
    since: "1.0.0",
    summary: "Remove and get the first elements in a list",
    complexity: popComplexity,
    run: pop(true),
  },
  {
    ...writing,
    name: "rpop",
    arity: -2,
    flags: ["write", "fast"],
    since: "1.0.0",
    summary: "Remove and get the last elements in a list",
    complexity: popComplexity,
    run: pop(false),
  },
  {
    ...shared,
    name: "llen",
    arity: 2,
    flags: ["readonly", "fast"],
    since: "1.0.0",
    summary: "Get the length of a list",
    complexity: "O(1)",
    run: llen,
  },
  {
    ...shared,
    name: "lrange",
    arity: 4,
    flags: ["readonly"],
    since: "1.0.0",
    summary: "Get a range of elements from a list",
    complexity:
      "O(S+N) where S is the distance of start offset from HEAD for small lists, from nearest " +
      "end (HEAD or TAIL) for large lists; and N is the number of elements in the specified range.",
    run: lrange,
  },
  {
    ...shared,
    name: "lindex",
    arity: 3,
    flags: ["readonly"],
    since: "1.0.0",
    summary: "Get an element from a list by its index",
    complexity: "O(N/128) where N is the number of elements between the index and the nearer end.",
    run: lindex,
  },
];
