// FUNCTION and SCRIPT as far as they can be true without an interpreter: there is nothing to list,
// to flush or to kill. EVAL, SCRIPT LOAD and FUNCTION LOAD come with scripting, which replaces this
// file.

import type { Call } from "./call.js";
import type { CommandFlag, CommandSpec } from "./command.js";
import { fail } from "./errors.js";
import { container } from "./server-spec.js";

const group = "scripting";
const categories = ["scripting"];

/** FLUSH takes SYNC or ASYNC and nothing else. */
const flush =
  (refusal: string) =>
  (call: Call): void => {
    const isGood =
      call.argc === 2 || (call.argc === 3 && (call.is(2, "SYNC") || call.is(2, "ASYNC")));
    if (isGood) call.reply.ok();
    else call.reply.error(refusal);
  };

function listFunctions(call: Call): void {
  for (let index = 2; index < call.argc; index++) {
    if (call.is(index, "WITHCODE")) continue;
    if (!call.is(index, "LIBRARYNAME")) {
      call.reply.error(`ERR Unknown argument ${call.text(index)}`);
      return;
    }
    if (++index >= call.argc) {
      call.reply.error("ERR library name argument was not given");
      return;
    }
  }
  call.reply.array(0);
}

function functionStats({ reply }: Call): void {
  reply.map(2);
  reply.bulkText("running_script");
  reply.nil();
  reply.bulkText("engines");
  reply.map(0);
}

function scriptsExist(call: Call): void {
  call.reply.array(call.argc - 2);
  for (let index = 2; index < call.argc; index++) call.reply.integer(0);
}

function scriptDebug(call: Call): void {
  if (call.is(2, "NO")) call.reply.ok();
  else if (call.is(2, "YES") || call.is(2, "SYNC")) fail(call, "syntax");
  else call.reply.error("ERR Use SCRIPT DEBUG YES/SYNC/NO");
}

const notBusy = ({ reply }: Call): void =>
  reply.error("NOTBUSY No scripts in execution right now.");

const sub = (
  name: string,
  arity: number,
  flags: readonly CommandFlag[],
  since: string,
  summary: string,
  run: CommandSpec["run"],
  usage?: string,
): CommandSpec => ({
  name,
  arity,
  flags,
  categories,
  summary,
  since,
  group,
  complexity: "O(1)",
  ...(flags.includes("write") ? { replication: "local" } : {}),
  ...(usage === undefined ? {} : { usage }),
  run,
});

export const scriptCommands: readonly CommandSpec[] = [
  container({
    name: "function",
    summary: "A container for function commands",
    since: "7.0.0",
    group,
    helpSince: "7.0.0",
    subcommands: [
      sub(
        "delete",
        3,
        ["write", "noscript"],
        "7.0.0",
        "Delete a function by name",
        ({ reply }) => reply.error("ERR Library not found"),
        "<library-name>",
      ),
      sub(
        "flush",
        -2,
        ["write", "noscript"],
        "7.0.0",
        "Deleting all functions",
        flush("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"),
        "[ASYNC|SYNC]",
      ),
      sub(
        "kill",
        2,
        ["noscript", "allow_busy"],
        "7.0.0",
        "Kill the function currently in execution.",
        notBusy,
      ),
      sub(
        "list",
        -2,
        ["noscript"],
        "7.0.0",
        "List information about all the functions",
        listFunctions,
        "[LIBRARYNAME <pattern>] [WITHCODE]",
      ),
      sub(
        "stats",
        2,
        ["noscript", "allow_busy"],
        "7.0.0",
        "Return information about the function currently running (name, description, duration)",
        functionStats,
      ),
    ],
  }),
  container({
    name: "script",
    summary: "A container for Lua scripts management commands",
    since: "2.6.0",
    group,
    subcommands: [
      sub(
        "debug",
        3,
        ["noscript"],
        "3.2.0",
        "Set the debug mode for executed scripts.",
        scriptDebug,
        "(YES|SYNC|NO)",
      ),
      sub(
        "exists",
        -3,
        ["noscript"],
        "2.6.0",
        "Check existence of scripts in the script cache.",
        scriptsExist,
        "<sha1> [<sha1> ...]",
      ),
      sub(
        "flush",
        -2,
        ["noscript"],
        "2.6.0",
        "Remove all the scripts from the script cache.",
        flush("ERR SCRIPT FLUSH only support SYNC|ASYNC option"),
        "[ASYNC|SYNC]",
      ),
      sub(
        "kill",
        2,
        ["noscript", "allow_busy"],
        "2.6.0",
        "Kill the script currently in execution.",
        notBusy,
      ),
    ],
  }),
];
