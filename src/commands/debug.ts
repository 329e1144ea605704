// DEBUG: what test suites ask of a server. Refused unless `enable-debug-command` allows it, as in
// Redis. Nothing here crashes the node or loses data: those subcommands do not exist.

import { utf8 } from "../base/bytes.js";
import * as record from "../keyspace/record.js";
import type { Call } from "./call.js";
import type { CommandSpec } from "./command.js";
import { isProtectedActionAllowed } from "./config.js";
import { hexOf, keyspaceDigest, valueDigest } from "./debug-digest.js";
import { debugProtocol } from "./debug-protocol.js";
import { fail } from "./errors.js";
import { matchesGlob } from "./glob.js";
import { encodingOf } from "./keys-object.js";
import { findUntouched, typeNameOf } from "./lookup.js";
import { failSubcommand, helpLines } from "./server-spec.js";
import { parseMemory } from "./settings-values.js";

interface DebugAction {
  readonly name: string;
  /** Arguments after the subcommand's name: least and most. */
  readonly args: readonly [min: number, max: number];
  readonly usage?: string;
  readonly summary: string;
  readonly run: (call: Call) => void;
}

const ok = ({ reply }: Call): void => reply.ok();

/** Sets a switch from argument 2, which is 0 for off. */
const setSwitch =
  (change: (call: Call, on: boolean) => void) =>
  (call: Call): void => {
    change(call, call.text(2) !== "0");
    call.reply.ok();
  };

/** The longest DEBUG SLEEP: a test that asks for more is mistaken. */
const sleepSecondsMax = 60;

function sleep(call: Call): void {
  const seconds = Math.min(sleepSecondsMax, Number.parseFloat(call.text(2)) || 0);
  if (seconds > 0) call.environment.stall(Math.trunc(seconds * 1e6));
  call.reply.ok();
}

function digestValues(call: Call): void {
  call.reply.array(call.argc - 2);
  for (let index = 2; index < call.argc; index++) {
    const ref = findUntouched(call, index);
    call.reply.simple(ref === 0 ? "0".repeat(40) : hexOf(valueDigest(call.keyspace, ref)));
  }
}

function describeObject(call: Call): void {
  const ref = findUntouched(call, 2);
  if (ref === 0) {
    fail(call, "noSuchKey");
    return;
  }
  const { arena } = call.keyspace;
  const access = record.accessOf(arena, ref);
  const length = record.valueLengthOf(arena, ref);
  call.reply.simple(
    `Value at:0x${ref.toString(16)} refcount:1 encoding:${encodingOf(call, ref)} ` +
      `serializedlength:${length} lru:${access} lru_seconds_idle:0 type:${typeNameOf(call, ref)}`,
  );
}

function tableStats(call: Call): void {
  const index = call.safeInteger(2);
  if (Number.isNaN(index)) {
    fail(call, "notInteger");
    return;
  }
  const db = call.keyspace.databases[index];
  if (db === undefined) {
    call.reply.error("ERR Out of range database");
    return;
  }
  call.reply.verbatim(
    "[Dictionary HT]\nHash table 0 stats (main hash table):\n" +
      ` table size: ${db.keys.slotCount}\n number of elements: ${db.keys.count}\n` +
      "[Expires HT]\nHash table 0 stats (main hash table):\n" +
      ` number of elements: ${db.expiringCount}\n`,
  );
}

/** Matches a pattern against a text of so many times the letter a: how long does it take? */
function matchLength(call: Call): void {
  const length = call.safeInteger(2);
  if (!(length >= 0 && length <= 1_000_000)) {
    fail(call, "notInteger");
    return;
  }
  const isMatch = matchesGlob(call.copy(3), utf8("a".repeat(length)));
  call.reply.integer(isMatch ? 1 : 0);
}

const packedBytesMax = 2n ** 32n;

function packedThreshold(call: Call): void {
  const bytes = parseMemory(call.text(2));
  if (bytes === undefined || bytes > packedBytesMax) {
    call.reply.error("ERR argument must be a memory value bigger than 1 and smaller than 4gb");
    return;
  }
  call.environment.debug.packedThresholdBytes = Number(bytes);
  call.reply.ok();
}

/**
 * DEBUG RELOAD and LOADAOF: nothing is on a disk; what would be found broken there is looked for in
 * memory.
 */
function reload(call: Call): void {
  call.keyspace.verifyInvariants();
  call.reply.ok();
}

const actions: readonly DebugAction[] = [
  {
    name: "change-repl-id",
    args: [0, 0],
    summary: "Does nothing: the ids of nodes are their incarnations",
    run: ok,
  },
  {
    name: "digest",
    args: [0, 0],
    summary: "Output a hash of all that readers see",
    run: ({ keyspace, reply }) => reply.simple(hexOf(keyspaceDigest(keyspace))),
  },
  {
    name: "digest-value",
    args: [1, Number.POSITIVE_INFINITY],
    usage: "<key> [<key> ...]",
    summary: "Output a hash of the values of the keys",
    run: digestValues,
  },
  {
    name: "error",
    args: [1, 1],
    usage: "<string>",
    summary: "Return an error with this message",
    run: (call) => call.reply.error(call.text(2)),
  },
  {
    name: "htstats",
    args: [1, 1],
    usage: "<dbid>",
    summary: "Return figures of a database's index",
    run: tableStats,
  },
  {
    name: "loadaof",
    args: [0, 0],
    summary: "As RELOAD",
    run: reload,
  },
  {
    name: "log",
    args: [1, 1],
    usage: "<message>",
    summary: "Accepted; the node keeps no log of its own yet",
    run: ok,
  },
  {
    name: "object",
    args: [1, 1],
    usage: "<key>",
    summary: "Show how a value is kept",
    run: describeObject,
  },
  {
    name: "pause-cron",
    args: [1, 1],
    usage: "<0|1>",
    summary: "Stop or resume periodic work",
    run: setSwitch(({ environment }, on) => {
      environment.debug.cronPaused = on;
    }),
  },
  {
    name: "protocol",
    args: [1, 1],
    usage: "<type>",
    summary: "Reply with a test value of this type",
    run: debugProtocol,
  },
  {
    name: "quicklist-packed-threshold",
    args: [1, 1],
    usage: "<size>",
    summary: "Set from which size a list element stands alone",
    run: packedThreshold,
  },
  {
    name: "reload",
    args: [0, 3],
    usage: "[option ...]",
    summary: "Check every structure in memory; nothing is read from a disk",
    run: reload,
  },
  {
    name: "replybuffer",
    args: [2, 2],
    usage: "<setting> <value>",
    summary: "Accepted: connections have no reply buffers of their own",
    run: ok,
  },
  {
    name: "set-active-expire",
    args: [1, 1],
    usage: "<0|1>",
    summary: "Whether keys past their deadline are removed before somebody asks for them",
    run: setSwitch(({ environment }, on) => {
      environment.debug.activeExpire = on;
    }),
  },
  {
    name: "set-disable-deny-scripts",
    args: [1, 1],
    usage: "<0|1>",
    summary: "Whether scripts may call commands that are denied to them",
    run: setSwitch(({ environment }, on) => {
      environment.debug.scriptsMayCallAll = on;
    }),
  },
  {
    name: "sleep",
    args: [1, 1],
    usage: "<seconds>",
    summary: "Stop the node for so many seconds, fractions allowed",
    run: sleep,
  },
  {
    name: "stringmatch-len",
    args: [2, 2],
    usage: "<length> <pattern>",
    summary: "Match a pattern against a text of this length",
    run: matchLength,
  },
];

const byName = new Map(actions.map((action) => [action.name, action]));

function help({ reply }: Call): void {
  const subcommands = actions.map(
    (action): CommandSpec => ({ ...spec, ...action, arity: 0, flags: [] }),
  );
  const lines = helpLines("debug", subcommands);
  reply.array(lines.length);
  for (const line of lines) reply.simple(line);
}

/** DEBUG has one record for all its subcommands, as in Redis. */
function debug(call: Call): void {
  if (!isProtectedActionAllowed(call, "enable-debug-command")) {
    call.reply.error(
      'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", ' +
        "you can run it from a local connection, otherwise you need to set this option in the " +
        "configuration file, and then restart the server.",
    );
    return;
  }
  const name = call.text(1).toLowerCase();
  const action = byName.get(name);
  const count = call.argc - 2;
  if (name === "help" && count === 0) help(call);
  else if (action === undefined || count < action.args[0] || count > action.args[1]) {
    failSubcommand(call, "debug");
  } else action.run(call);
}

const spec: CommandSpec = {
  name: "debug",
  arity: -2,
  flags: ["admin", "noscript", "loading", "stale"],
  summary: "A container for debugging commands",
  since: "1.0.0",
  group: "server",
  complexity: "Depends on subcommand.",
  run: debug,
};

export const debugCommands: readonly CommandSpec[] = [spec];
