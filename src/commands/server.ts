// TIME, ROLE, LOLWUT, SAVE and its kin, SHUTDOWN, REPLICAOF, FAILOVER, MODULE. On a node that keeps
// nothing on a disk, what would promise durability answers an error that says so: a reply is a
// promise.

import { utf8 } from "../base/bytes.js";
import type { Call } from "./call.js";
import type { CommandSpec } from "./command.js";
import { redisVersion } from "./connection.js";
import { fail } from "./errors.js";
import { adminFlags, container } from "./server-spec.js";

const group = "server";

function time({ environment, reply }: Call): void {
  const micros = Math.floor(environment.nowMicros);
  reply.array(2);
  reply.bulkInteger(Math.floor(micros / 1e6));
  reply.bulkInteger(micros % 1e6);
}

function role({ reply }: Call): void {
  reply.array(3);
  reply.bulkText("master");
  reply.integer(0);
  reply.array(0);
}

function lolwut(call: Call): void {
  if (call.argc >= 3 && call.is(1, "VERSION") && call.int64(2) === undefined) {
    fail(call, "notInteger");
    return;
  }
  const { version } = call.environment.facts;
  call.reply.verbatim(`Redis ver. ${redisVersion} (Skerry ${version})\n`);
}

const refuse =
  (text: string) =>
  ({ reply }: Call): void =>
    reply.error(text);

const noFiles = "ERR This node keeps its data in memory only: there is no file to write";

const savesAlready = "ERR Background save already in progress";

/** SAVE: the reply comes when the checkpoint is complete; others are served meanwhile. */
function save(call: Call): void {
  const { environment, reply, session } = call;
  const { storage } = environment;
  if (storage === undefined || environment.keepWaiting === undefined) {
    reply.error(noFiles);
    return;
  }
  let isOver = false;
  const begun = storage.save((error) => {
    isOver = true;
    const line = error === undefined ? "+OK\r\n" : `-ERR ${error}\r\n`;
    environment.answerWaiting?.(session, utf8(line));
  });
  if (begun || isOver) environment.keepWaiting(call);
  else
    reply.error(environment.logError === undefined ? savesAlready : `ERR ${environment.logError}`);
}

function backgroundSave(call: Call): void {
  if (call.argc > 2 || (call.argc === 2 && !call.is(1, "SCHEDULE"))) fail(call, "syntax");
  else beginSave(call, "Background saving started", savesAlready);
}

function rewriteLog(call: Call): void {
  const already = "ERR Background append only file rewriting already in progress";
  beginSave(call, "Background append only file rewriting started", already);
}

function beginSave({ environment, reply }: Call, started: string, already: string): void {
  if (environment.storage === undefined) reply.error(noFiles);
  else if (environment.storage.save(() => {})) reply.simple(started);
  else reply.error(environment.logError === undefined ? already : `ERR ${environment.logError}`);
}

/** As in Redis: the start counts as a save, since nothing has changed before it. */
const lastSaveMs = ({ storage, facts }: Call["environment"]): number =>
  storage?.figures.lastSaveMs ?? facts.startedMs;

interface ShutdownWish {
  save: boolean;
  nosave: boolean;
  force: boolean;
  abort: boolean;
  others: boolean;
}

function shutdownWish(call: Call): ShutdownWish | undefined {
  const wish = { save: false, nosave: false, force: false, abort: false, others: false };
  for (let index = 1; index < call.argc; index++) {
    if (call.is(index, "NOSAVE")) wish.nosave = true;
    else if (call.is(index, "SAVE")) wish.save = true;
    else if (call.is(index, "FORCE")) wish.force = true;
    else if (call.is(index, "ABORT")) wish.abort = true;
    else if (call.is(index, "NOW")) wish.others = true;
    else return undefined;
  }
  const { save, nosave, force, abort, others } = wish;
  if ((save && nosave) || (abort && (save || nosave || force || others))) return undefined;
  return wish;
}

/** Whether what clients were told is kept: with a log it is forced at the end. */
const mayEndSafely = ({ storage }: Call["environment"]): boolean =>
  storage !== undefined && storage.figures.logError === undefined;

function shutdown(call: Call): void {
  const wish = shutdownWish(call);
  if (wish === undefined) fail(call, "syntax");
  else if (wish.abort) call.reply.error("ERR No shutdown in progress.");
  else if (wish.save && !wish.force && !mayEndSafely(call.environment)) {
    call.reply.error("ERR Errors trying to SHUTDOWN. Check logs.");
  } else {
    // There is no reply: the connection ends with the process.
    call.session.closeAfterReply = true;
    call.environment.shutdown(wish.save);
  }
}

function replicaOf(call: Call): void {
  if (call.is(1, "NO") && call.is(2, "ONE")) {
    call.reply.ok();
    return;
  }
  const port = call.safeInteger(2);
  if (!(port >= 0 && port <= 65_535)) call.reply.error("ERR Invalid master port");
  else {
    call.reply.error(
      "ERR REPLICAOF is not supported: nodes are equal peers and join by their configuration",
    );
  }
}

const replicaOfSpec = (name: string, since: string): CommandSpec => ({
  name,
  arity: 3,
  flags: ["admin", "noscript", "stale", "no_async_loading"],
  summary: "Make the server a replica of another instance, or promote it as master.",
  since,
  group,
  complexity: "O(1)",
  ...(name === "slaveof" ? { deprecated: { since: "5.0.0", replacedBy: "`REPLICAOF`" } } : {}),
  run: replicaOf,
});

const backgroundFlags = ["admin", "noscript", "no_async_loading"] as const;

const modules = container({
  name: "module",
  summary: "A container for module commands",
  since: "4.0.0",
  group,
  subcommands: [
    {
      name: "list",
      arity: 2,
      flags: ["admin", "noscript"],
      summary: "List all modules loaded by the server",
      since: "4.0.0",
      group,
      complexity: "O(N) where N is the number of loaded modules.",
      run: ({ reply }) => reply.array(0),
    },
    ...(
      [
        ["load", -3, "4.0.0", "Load a module"],
        ["loadex", -3, "7.0.0", "Load a module with extended parameters"],
        ["unload", 3, "4.0.0", "Unload a module"],
      ] as const
    ).map(
      ([name, arity, since, summary]): CommandSpec => ({
        name,
        arity,
        flags: backgroundFlags,
        summary,
        since,
        group,
        complexity: "O(1)",
        usage: "<path> [<arg> ...]",
        run: refuse("ERR This node loads no modules"),
      }),
    ),
  ],
});

export const serverCommands: readonly CommandSpec[] = [
  {
    name: "time",
    arity: 1,
    flags: ["loading", "stale", "fast"],
    summary: "Return the current server time",
    since: "2.6.0",
    group,
    complexity: "O(1)",
    run: time,
  },
  {
    name: "role",
    arity: 1,
    flags: ["noscript", "loading", "stale", "fast"],
    categories: ["admin", "dangerous"],
    summary: "Return the role of the instance in the context of replication",
    since: "2.8.12",
    group,
    complexity: "O(1)",
    run: role,
  },
  {
    name: "lolwut",
    arity: -1,
    flags: ["readonly", "fast"],
    summary: "Display some computer art and the Redis version",
    since: "5.0.0",
    group,
    run: lolwut,
  },
  {
    name: "save",
    arity: 1,
    flags: [...backgroundFlags, "no_multi"],
    summary: "Synchronously save the dataset to disk",
    since: "1.0.0",
    group,
    complexity: "O(N) where N is the total number of keys in all databases",
    run: save,
  },
  {
    name: "bgsave",
    arity: -1,
    flags: backgroundFlags,
    summary: "Asynchronously save the dataset to disk",
    since: "1.0.0",
    group,
    complexity: "O(1)",
    run: backgroundSave,
  },
  {
    name: "bgrewriteaof",
    arity: 1,
    flags: backgroundFlags,
    summary: "Asynchronously rewrite the append-only file",
    since: "1.0.0",
    group,
    complexity: "O(1)",
    run: rewriteLog,
  },
  {
    name: "lastsave",
    arity: 1,
    flags: ["loading", "stale", "fast"],
    categories: ["admin", "dangerous"],
    summary: "Get the UNIX time stamp of the last successful save to disk",
    since: "1.0.0",
    group,
    complexity: "O(1)",
    run: ({ environment, reply }) => reply.integer(Math.floor(lastSaveMs(environment) / 1000)),
  },
  {
    name: "shutdown",
    arity: -1,
    flags: [...adminFlags, "no_multi", "allow_busy"],
    summary: "Synchronously save the dataset to disk and then shut down the server",
    since: "1.0.0",
    group,
    complexity:
      "O(N) when saving, where N is the total number of keys in all databases when saving data, " +
      "otherwise O(1)",
    run: shutdown,
  },
  replicaOfSpec("replicaof", "5.0.0"),
  replicaOfSpec("slaveof", "1.0.0"),
  {
    name: "failover",
    arity: -1,
    flags: ["admin", "noscript", "stale"],
    summary: "Start a coordinated failover between this server and one of its replicas.",
    since: "6.2.0",
    group,
    complexity: "O(1)",
    run: refuse("ERR FAILOVER requires connected replicas."),
  },
  modules,
];
