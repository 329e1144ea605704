// XGROUP and XACK: making and removing groups and consumers, and acknowledging entries. Replies,
// errors and events: Redis 7.0, t_stream.c.

import type { Ref } from "../keyspace/arena.js";
import type { StreamGroup } from "../keyspace/stream-group.js";
import type { StreamStore } from "../keyspace/stream-store.js";
import { idMin, type StreamId } from "../lattice/stream-id.js";
import type { Call } from "./call.js";
import type { CommandSpec } from "./command.js";
import { oneKey } from "./command.js";
import { fail } from "./errors.js";
import { notify } from "./notify.js";
import { failSubcommand } from "./server-spec.js";
import { begin, cText, demandStream, idArgument, strictIds } from "./streams-arguments.js";
import { hearOf, mayGroup } from "./streams-delivery.js";
import { unknownRead } from "./streams-lag.js";

interface Place {
  readonly ref: Ref;
  readonly store: StreamStore | undefined;
  readonly group: StreamGroup | undefined;
}

interface GroupOptions {
  mayCreate: boolean;
  entriesRead: bigint;
}

const isText = (call: Call, index: number, text: string): boolean => cText(call, index) === text;

/** The options from argument 5 on; undefined after the error was replied. */
function groupOptions(call: Call, isCreate: boolean): GroupOptions | undefined {
  const options: GroupOptions = { mayCreate: false, entriesRead: unknownRead };
  for (let index = 5; index < call.argc; index++) {
    if (isCreate && call.is(index, "MKSTREAM")) {
      options.mayCreate = true;
    } else if (call.is(index, "ENTRIESREAD") && index + 1 < call.argc) {
      const count = call.int64(++index);
      if (count === undefined) fail(call, "notInteger");
      else if (count < unknownRead)
        call.reply.error("ERR value for ENTRIESREAD must be positive or -1");
      if (count === undefined || count < unknownRead) return undefined;
      options.entriesRead = count;
    } else {
      failSubcommand(call, "xgroup");
      return undefined;
    }
  }
  return options;
}

/** The stream and its group; undefined after an error was replied. */
function placeOf(call: Call, mayCreate: boolean, needsGroup: boolean): Place | undefined {
  const ref = call.findForWrite(2);
  const store = ref === 0 ? undefined : demandStream(call, ref);
  if (ref !== 0 && store === undefined) return undefined;
  if (store === undefined && !mayCreate) {
    call.reply.error(
      "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to " +
        "use the MKSTREAM option to create an empty stream automatically.",
    );
    return undefined;
  }
  const group = store?.groups.group(call.text(3));
  if (needsGroup && group === undefined) {
    const names = `consumer group '${cText(call, 3)}' for key name '${cText(call, 2)}'`;
    call.reply.error(`NOGROUP No such ${names}`);
    return undefined;
  }
  return { ref, store, group };
}

/** `$` or an id; undefined after the error was replied. */
function groupId(
  call: Call,
  store: StreamStore | undefined,
  isStrict: boolean,
): StreamId | undefined {
  if (isText(call, 4, "$")) return store?.figures.lastId ?? idMin;
  return idArgument(call, 4, { isStrict })?.id;
}

function create(call: Call): void {
  if (!mayGroup(call)) return;
  const options = groupOptions(call, true);
  if (options === undefined) return;
  const place = placeOf(call, options.mayCreate, false);
  if (place === undefined) return;
  if (call.argc > 8) {
    failSubcommand(call, "xgroup");
    return;
  }
  const lastId = groupId(call, place.store, true);
  if (lastId === undefined) return;
  if (place.group !== undefined) {
    call.reply.error("BUSYGROUP Consumer Group name already exists");
    return;
  }
  const edit = begin(call, 2, place.ref);
  edit.setGroup(call.text(3), { lastId, entriesRead: options.entriesRead });
  edit.end(1, place.ref === 0);
  notify(call, "stream", "xgroup-create", 2);
  call.reply.ok();
}

function setId(call: Call): void {
  if (!mayGroup(call)) return;
  const options = groupOptions(call, false);
  const place = options && placeOf(call, false, true);
  if (options === undefined || place === undefined) return;
  if (call.argc !== 5 && call.argc !== 7) {
    failSubcommand(call, "xgroup");
    return;
  }
  const lastId = groupId(call, place.store, false);
  if (lastId === undefined) return;
  const edit = begin(call, 2, place.ref);
  edit.setGroup(call.text(3), { lastId, entriesRead: options.entriesRead });
  edit.end(1, false);
  notify(call, "stream", "xgroup-setid", 2);
  call.reply.ok();
}

function destroy(call: Call): void {
  if (!mayGroup(call)) return;
  const place = placeOf(call, false, false);
  if (place === undefined) return;
  if (place.group === undefined) {
    call.reply.integer(0);
    return;
  }
  const edit = begin(call, 2, place.ref);
  edit.removeGroup(place.group);
  // Whoever waits in the group must hear of it.
  edit.end(1, true);
  notify(call, "stream", "xgroup-destroy", 2);
  call.reply.integer(1);
}

function createConsumer(call: Call): void {
  if (!mayGroup(call)) return;
  const place = placeOf(call, false, true);
  if (place === undefined) return;
  const name = call.text(4);
  if (place.group!.consumer(name)?.stamp !== undefined) {
    call.reply.integer(0);
    return;
  }
  const edit = begin(call, 2, place.ref);
  hearOf(call, edit, place.group!, name, 2);
  edit.end(1, false);
  call.reply.integer(1);
}

function deleteConsumer(call: Call): void {
  if (!mayGroup(call)) return;
  const place = placeOf(call, false, true);
  if (place === undefined) return;
  const consumer = place.group!.consumer(call.text(4));
  if (consumer?.stamp === undefined) {
    call.reply.integer(0);
    return;
  }
  const { pendingCount, name } = consumer;
  const edit = begin(call, 2, place.ref);
  edit.removeConsumer(place.group!, name);
  edit.end(1, false);
  notify(call, "stream", "xgroup-delconsumer", 2);
  call.reply.integer(pendingCount);
}

const helpText = [
  "XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
  "CREATE <key> <groupname> <id|$> [option]",
  "    Create a new consumer group. Options are:",
  "    * MKSTREAM",
  "      Create the empty stream if it does not exist.",
  "    * ENTRIESREAD entries_read",
  "      Set the group's entries_read counter (internal use).",
  "CREATECONSUMER <key> <groupname> <consumer>",
  "    Create a new consumer in the specified group.",
  "DELCONSUMER <key> <groupname> <consumer>",
  "    Remove the specified consumer.",
  "DESTROY <key> <groupname>",
  "    Remove the specified group.",
  "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
  "    Set the current group ID and entries_read counter.",
  "HELP",
  "    Print this help.",
];

/** The record of a HELP subcommand with lines of its own. */
export const helpCommand = (lines: readonly string[]): CommandSpec => ({
  name: "help",
  arity: 2,
  flags: ["loading", "stale"],
  categories: ["stream"],
  group: "stream",
  since: "5.0.0",
  summary: "Show helpful text about the different subcommands",
  complexity: "O(1)",
  run: ({ reply }) => {
    reply.array(lines.length);
    for (const line of lines) reply.simple(line);
  },
});

// ---- XACK

function xack(call: Call): void {
  if (!mayGroup(call)) return;
  const ref = call.findForWrite(1);
  const store = ref === 0 ? undefined : demandStream(call, ref);
  if (ref !== 0 && store === undefined) return;
  const group = store?.groups.group(call.text(2));
  if (group === undefined) {
    call.reply.integer(0);
    return;
  }
  const ids = strictIds(call, 3);
  if (ids === undefined) return;
  const edit = begin(call, 1, ref);
  let acknowledged = 0;
  for (const id of ids) {
    if (!group.pending.find(id)) continue;
    edit.removePending(group, id);
    acknowledged++;
  }
  edit.end(acknowledged, false);
  call.reply.integer(acknowledged);
}

const shared = {
  keys: { first: 2, last: 2, step: 1 },
  categories: ["stream"],
  group: "stream",
  since: "5.0.0",
  complexity: "O(1)",
  replication: "delta",
} as const;

export const streamGroupCommands: readonly CommandSpec[] = [
  {
    name: "xack",
    arity: -4,
    flags: ["write", "fast"],
    keys: oneKey,
    categories: ["stream"],
    group: "stream",
    since: "5.0.0",
    replication: "delta",
    summary:
      "Marks a pending message as correctly processed, effectively removing it from the pending " +
      "entries list of the consumer group. Return value of the command is the number of messages " +
      "successfully acknowledged, that is, the IDs we were actually able to resolve in the PEL.",
    complexity: "O(1) for each message ID processed.",
    run: xack,
  },
  {
    name: "xgroup",
    arity: -2,
    flags: [],
    group: "stream",
    since: "5.0.0",
    summary: "A container for consumer groups commands",
    complexity: "Depends on subcommand.",
    run: (call) => failSubcommand(call, "xgroup"),
    subcommands: [
      {
        ...shared,
        name: "create",
        arity: -5,
        flags: ["write", "denyoom"],
        summary: "Create a consumer group.",
        run: create,
      },
      {
        ...shared,
        name: "createconsumer",
        arity: 5,
        flags: ["write", "denyoom"],
        since: "6.2.0",
        summary: "Create a consumer in a consumer group.",
        run: createConsumer,
      },
      {
        ...shared,
        name: "delconsumer",
        arity: 5,
        flags: ["write"],
        summary: "Delete a consumer from a consumer group.",
        run: deleteConsumer,
      },
      {
        ...shared,
        name: "destroy",
        arity: 4,
        flags: ["write"],
        summary: "Destroy a consumer group.",
        complexity:
          "O(N) where N is the number of entries in the group's pending entries list (PEL).",
        run: destroy,
      },
      helpCommand(helpText),
      {
        ...shared,
        name: "setid",
        arity: -5,
        flags: ["write"],
        summary: "Set a consumer group to an arbitrary last delivered ID value.",
        run: setId,
      },
    ],
  },
];
