// XINFO: what there is to know of a stream, its groups and their consumers. Replies and errors:
// Redis 7.0, t_stream.c. Where several nodes write, XINFO STREAM also tells of late entries.

import type { StreamConsumer, StreamGroup } from "../keyspace/stream-group.js";
import type { StreamStore } from "../keyspace/stream-store.js";
import { idMax, idMin, type StreamId } from "../lattice/stream-id.js";
import { roundedInteger } from "./arguments.js";
import type { Call } from "./call.js";
import type { CommandSpec } from "./command.js";
import { fail } from "./errors.js";
import { failSubcommand } from "./server-spec.js";
import { cText, demandStream, replyEntryOf, replyId, replyRange } from "./streams-arguments.js";
import { replyName } from "./streams-claim.js";
import { helpCommand } from "./streams-groups.js";
import { lagOf, unknownRead } from "./streams-lag.js";

/** The stream at argument 2; undefined after an error was replied. */
function streamAt(call: Call): StreamStore | undefined {
  const ref = call.findForRead(2);
  if (ref !== 0) return demandStream(call, ref);
  fail(call, "noSuchKey");
  return undefined;
}

// ---- XINFO STREAM

const fullDefault = 10;

/**
 * How many of everything FULL shows, 0 for all; -1 without FULL, NaN after an error was replied.
 */
function fullCount(call: Call): number {
  if (call.argc === 3) return -1;
  const hasCount = call.argc === 6 && call.is(4, "COUNT");
  if ((call.argc !== 4 && !hasCount) || !call.is(3, "FULL")) {
    failSubcommand(call, "xinfo");
    return Number.NaN;
  }
  if (!hasCount) return fullDefault;
  const count = roundedInteger(call, 5);
  return count < 0 ? fullDefault : count;
}

function stream(call: Call): void {
  const store = streamAt(call);
  if (store === undefined) return;
  const count = fullCount(call);
  if (Number.isNaN(count)) return;
  const { reply } = call;
  const isFull = count >= 0;
  const { isShared } = call.keyspace;
  reply.map((isFull ? 9 : 10) + (isShared ? 2 : 0));
  replyFigures(call, store);
  if (isShared) replyLate(call, store);
  if (isFull) {
    reply.bulkText("entries");
    replyRange(call, store, { start: idMin, end: idMax, count, isReverse: false });
    reply.bulkText("groups");
    const groups = store.groups.all();
    reply.array(groups.length);
    for (const group of groups) replyFullGroup(call, store, group, count);
    return;
  }
  reply.bulkText("groups");
  reply.integer(store.groups.all().length);
  reply.bulkText("first-entry");
  if (store.entryCount === 0) reply.nil();
  else replyEntryOf(call, store, store.firstId);
  reply.bulkText("last-entry");
  if (store.entryCount === 0) reply.nil();
  else replyEntryOf(call, store, store.topId);
}

function replyFigures(call: Call, store: StreamStore): void {
  const { reply } = call;
  const { lastId, maxDeletedId } = store.figures;
  // Of what several nodes added at once, each unseen by the other, only the higher count is known.
  const least = call.keyspace.isShared ? BigInt(store.entryCount) : store.figures.added;
  const added = store.figures.added < least ? least : store.figures.added;
  const row = (name: string, id: StreamId): void => {
    reply.bulkText(name);
    replyId(call, id);
  };
  reply.bulkText("length");
  reply.integer(store.entryCount);
  reply.bulkText("radix-tree-keys");
  reply.integer(store.chunks.length);
  reply.bulkText("radix-tree-nodes");
  reply.integer(store.radixNodeCount());
  row("last-generated-id", lastId);
  row("max-deleted-entry-id", maxDeletedId);
  reply.bulkText("entries-added");
  reply.bigInteger(added);
  row("recorded-first-entry-id", store.firstId);
}

/** Entries that came from other nodes behind the back of whoever follows the stream here. */
function replyLate(call: Call, store: StreamStore): void {
  const { reply } = call;
  reply.bulkText("late-entries");
  reply.integer(store.lateCount);
  reply.bulkText("late-entry-ids");
  reply.array(store.lateIds.length);
  for (const id of store.lateIds) replyId(call, id);
}

function replyRead(call: Call, store: StreamStore, group: StreamGroup): void {
  const { reply } = call;
  reply.bulkText("entries-read");
  if (group.entriesRead === unknownRead) reply.nil();
  else reply.bigInteger(group.entriesRead);
  reply.bulkText("lag");
  const lag = lagOf(store, group);
  if (lag === undefined) reply.nil();
  else reply.bigInteger(lag);
}

function replyFullGroup(call: Call, store: StreamStore, group: StreamGroup, count: number): void {
  const { reply } = call;
  reply.map(7);
  reply.bulkText("name");
  replyName(call, group.name);
  reply.bulkText("last-delivered-id");
  replyId(call, group.lastId);
  replyRead(call, store, group);
  reply.bulkText("pel-count");
  reply.integer(group.pending.count);
  reply.bulkText("pending");
  replyPending(call, group, undefined, count);
  reply.bulkText("consumers");
  const consumers = group.consumers();
  reply.array(consumers.length);
  for (const consumer of consumers) {
    reply.map(4);
    reply.bulkText("name");
    replyName(call, consumer.name);
    reply.bulkText("seen-time");
    reply.integer(consumer.seenMs);
    reply.bulkText("pel-count");
    reply.integer(consumer.pendingCount);
    reply.bulkText("pending");
    replyPending(call, group, consumer, count);
  }
}

/** What is pending in a group, or for one of its consumers, who is not named again. */
function replyPending(
  call: Call,
  group: StreamGroup,
  consumer: StreamConsumer | undefined,
  count: number,
): void {
  const { reply } = call;
  const { pending } = group;
  const at = reply.length;
  let replied = 0;
  for (let has = pending.seek(idMin); has; has = pending.next()) {
    if (consumer !== undefined && pending.consumer !== consumer.number) continue;
    reply.array(consumer === undefined ? 4 : 3);
    replyId(call, pending.id);
    if (consumer === undefined) replyName(call, group.consumerOf(pending.consumer).name);
    reply.integer(pending.deliveredMs);
    reply.bigInteger(pending.deliveries);
    if (++replied === count) break;
  }
  reply.insertHead("array", at, replied);
}

// ---- XINFO GROUPS and CONSUMERS

function groups(call: Call): void {
  const store = streamAt(call);
  if (store === undefined) return;
  const { reply } = call;
  const all = store.groups.all();
  reply.array(all.length);
  for (const group of all) {
    reply.map(6);
    reply.bulkText("name");
    replyName(call, group.name);
    reply.bulkText("consumers");
    reply.integer(group.consumers().length);
    reply.bulkText("pending");
    reply.integer(group.pending.count);
    reply.bulkText("last-delivered-id");
    replyId(call, group.lastId);
    replyRead(call, store, group);
  }
}

function consumers(call: Call): void {
  const store = streamAt(call);
  if (store === undefined) return;
  const { reply } = call;
  const group = store.groups.group(call.text(3));
  if (group === undefined) {
    const names = `consumer group '${cText(call, 3)}' for key name '${cText(call, 2)}'`;
    reply.error(`NOGROUP No such ${names}`);
    return;
  }
  const all = group.consumers();
  reply.array(all.length);
  for (const { name, pendingCount, seenMs } of all) {
    reply.map(3);
    reply.bulkText("name");
    replyName(call, name);
    reply.bulkText("pending");
    reply.integer(pendingCount);
    reply.bulkText("idle");
    reply.integer(Math.max(0, call.keyspace.nowMs - seenMs));
  }
}

const helpText = [
  "XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
  "CONSUMERS <key> <groupname>",
  "    Show consumers of <groupname>.",
  "GROUPS <key>",
  "    Show the stream consumer groups.",
  "STREAM <key> [FULL [COUNT <count>]",
  "    Show information about the stream.",
  "HELP",
  "    Print this help.",
];

const shared = {
  flags: ["readonly"],
  keys: { first: 2, last: 2, step: 1 },
  categories: ["stream"],
  group: "stream",
  since: "5.0.0",
  complexity: "O(1)",
} as const;

export const streamInfoCommands: readonly CommandSpec[] = [
  {
    name: "xinfo",
    arity: -2,
    flags: [],
    group: "stream",
    since: "5.0.0",
    summary: "A container for stream introspection commands",
    complexity: "Depends on subcommand.",
    run: (call) => failSubcommand(call, "xinfo"),
    subcommands: [
      {
        ...shared,
        name: "consumers",
        arity: 4,
        summary: "List the consumers in a consumer group",
        run: consumers,
      },
      {
        ...shared,
        name: "groups",
        arity: 3,
        summary: "List the consumer groups of a stream",
        run: groups,
      },
      helpCommand(helpText),
      {
        ...shared,
        name: "stream",
        arity: -3,
        summary: "Get information about a stream",
        run: stream,
      },
    ],
  },
];
