// COMMAND: what the node can do, told from the same records that run it. Replies as in Redis
// 7.0.15, in RESP2 and RESP3 form. Left out: the history in COMMAND DOCS.

import { utf8 } from "../base/bytes.js";
import type { Call } from "./call.js";
import { type Command, type CommandFlag, type CommandSpec, keyPositions } from "./command.js";
import { categoriesOf } from "./command-docs-categories.js";
import { argumentsOf, replyArguments } from "./command-docs-grammar.js";
import { flagsOfKey, hasKeys, type KeySpec, keySpecsOf, tipsOf } from "./command-docs-keys.js";
import { fail } from "./errors.js";
import { matchesGlob } from "./glob.js";
import type { Reply } from "./reply.js";
import { container } from "./server-spec.js";

/** Flags in the order of COMMAND INFO; those not named are Redis's own business. */
const shownFlags: readonly CommandFlag[] = [
  "write",
  "readonly",
  "denyoom",
  "admin",
  "pubsub",
  "noscript",
  "blocking",
  "loading",
  "stale",
  "skip_monitor",
  "skip_slowlog",
  "asking",
  "fast",
  "no_auth",
  "no_mandatory_keys",
  "no_async_loading",
  "no_multi",
  "movablekeys",
  "allow_busy",
];

const isContained = ({ name }: Command): boolean => name.includes("|");

const topLevel = (call: Call): Command[] =>
  call.environment.allCommands().filter((command) => !isContained(command));

const partsOf = (call: Call, command: Command): Command[] =>
  command.subcommands === undefined
    ? []
    : call.environment.allCommands().filter(({ name }) => name.startsWith(`${command.name}|`));

const named = (call: Call, index: number): Command | undefined =>
  call.environment.findCommand(call.text(index).toLowerCase());

// ---- COMMAND INFO

function replyInfo(call: Call, command: Command): void {
  const { reply } = call;
  reply.array(10);
  reply.bulkText(command.name);
  reply.integer(command.arity);
  replyWords(
    reply,
    shownFlags.filter((flag) => command.flags.includes(flag)),
  );
  const { first, last, step } = command.keys ?? { first: 0, last: 0, step: 0 };
  reply.integer(first);
  reply.integer(last);
  reply.integer(step);
  replyWords(
    reply,
    categoriesOf(command).map((category) => `@${category}`),
  );
  const tips = tipsOf(command.name);
  reply.set(tips.length);
  for (const tip of tips) reply.bulkText(tip);
  const specs = keySpecsOf(command);
  reply.set(specs.length);
  for (const spec of specs) replyKeySpec(reply, spec);
  const parts = partsOf(call, command);
  if (parts.length === 0) reply.set(0);
  else reply.array(parts.length);
  for (const part of parts) replyInfo(call, part);
}

/** A set of status lines. */
function replyWords(reply: Reply, words: readonly string[]): void {
  reply.set(words.length);
  for (const word of words) reply.simple(word);
}

function replyKeySpec(reply: Reply, spec: KeySpec): void {
  reply.map(3);
  reply.bulkText("flags");
  replyWords(reply, spec.flags);
  reply.bulkText("begin_search");
  replySearch(reply, spec.begin.type, spec.begin.fields);
  reply.bulkText("find_keys");
  replySearch(reply, spec.find.type, spec.find.fields);
}

function replySearch(reply: Reply, type: string, fields: KeySpec["find"]["fields"]): void {
  reply.map(2);
  reply.bulkText("type");
  reply.bulkText(type);
  reply.bulkText("spec");
  reply.map(fields.length);
  for (const [name, value] of fields) {
    reply.bulkText(name);
    if (typeof value === "number") reply.integer(value);
    else reply.bulkText(value);
  }
}

function info(call: Call): void {
  if (call.argc <= 2) {
    const commands = topLevel(call);
    call.reply.array(commands.length);
    for (const command of commands) replyInfo(call, command);
    return;
  }
  call.reply.array(call.argc - 2);
  for (let index = 2; index < call.argc; index++) {
    const command = named(call, index);
    if (command === undefined) call.reply.nil();
    else replyInfo(call, command);
  }
}

// ---- COMMAND DOCS

function replyDocs(call: Call, command: Command): void {
  const { reply } = call;
  const fields: [string, () => void][] = [
    ["summary", () => reply.bulkText(command.summary)],
    ["since", () => reply.bulkText(command.since)],
    ["group", () => reply.bulkText(command.group)],
  ];
  const { complexity, deprecated } = command;
  if (complexity !== undefined) fields.push(["complexity", () => reply.bulkText(complexity)]);
  if (deprecated !== undefined) {
    fields.push(["doc_flags", () => replyWords(reply, ["deprecated"])]);
    fields.push(["deprecated_since", () => reply.bulkText(deprecated.since)]);
    fields.push(["replaced_by", () => reply.bulkText(deprecated.replacedBy)]);
  }
  const args = argumentsOf(command.name);
  if (args.length > 0) fields.push(["arguments", () => replyArguments(reply, args)]);
  const parts = partsOf(call, command);
  if (parts.length > 0) {
    fields.push([
      "subcommands",
      () => {
        reply.map(parts.length);
        for (const part of parts) replyNamedDocs(call, part);
      },
    ]);
  }
  reply.map(fields.length);
  for (const [name, write] of fields) {
    reply.bulkText(name);
    write();
  }
}

function replyNamedDocs(call: Call, command: Command): void {
  call.reply.bulkText(command.name);
  replyDocs(call, command);
}

function docs(call: Call): void {
  const commands: Command[] = call.argc === 2 ? topLevel(call) : [];
  for (let index = 2; index < call.argc; index++) {
    const command = named(call, index);
    if (command !== undefined) commands.push(command);
  }
  call.reply.map(commands.length);
  for (const command of commands) replyNamedDocs(call, command);
}

// ---- COMMAND LIST

type Filter = (command: Command) => boolean;

/** The filter of FILTERBY, or undefined after the error was replied. */
function listFilter(call: Call): Filter | undefined {
  if (call.argc === 2) return () => true;
  if (call.argc === 5 && call.is(2, "FILTERBY")) {
    const argument = call.text(4).toLowerCase();
    // There are no modules, so none of their commands either.
    if (call.is(3, "MODULE")) return () => false;
    if (call.is(3, "ACLCAT")) return (command) => categoriesOf(command).includes(argument);
    if (call.is(3, "PATTERN")) {
      const pattern = utf8(argument);
      return ({ name }) => matchesGlob(pattern, utf8(name));
    }
  }
  fail(call, "syntax");
  return undefined;
}

function list(call: Call): void {
  const filter = listFilter(call);
  if (filter === undefined) return;
  const names = call.environment.allCommands().filter(filter);
  call.reply.array(names.length);
  for (const { name } of names) call.reply.bulkText(name);
}

// ---- COMMAND GETKEYS

/** Runs `use` with the call turned to the request that begins at argument `from`. */
function asRequest<T>(call: Call, from: number, use: () => T): T {
  const { first, argc, hashed } = call;
  call.first = first + from * 2;
  call.argc = argc - from;
  call.hashed = false;
  try {
    return use();
  } finally {
    call.first = first;
    call.argc = argc;
    call.hashed = hashed;
  }
}

/** The command that the arguments from 2 on call. */
function requested(call: Call): Command | undefined {
  const command = named(call, 2);
  if (command?.subcommands === undefined || call.argc < 4) return command;
  return call.environment.findCommand(`${command.name}|${call.text(3).toLowerCase()}`);
}

function getKeys(call: Call, withFlags: boolean): void {
  const { reply } = call;
  const command = requested(call);
  const argc = call.argc - 2;
  if (command === undefined) reply.error("ERR Invalid command specified");
  else if (!hasKeys(command)) reply.error("ERR The command has no key arguments");
  else if (command.arity > 0 ? command.arity !== argc : argc < -command.arity) {
    reply.error("ERR Invalid number of arguments specified for command");
  } else {
    replyKeys(call, command, withFlags);
  }
}

function replyKeys(call: Call, command: Command, withFlags: boolean): void {
  const { reply } = call;
  const positions = asRequest(call, 2, () => keyPositions(command, call)) ?? [];
  if (positions.length === 0) {
    if (command.flags.includes("no_mandatory_keys")) reply.array(0);
    else reply.error("ERR Invalid arguments specified for command");
    return;
  }
  reply.array(positions.length);
  for (const position of positions) {
    const index = position + 2;
    if (withFlags) reply.array(2);
    reply.bulk(call.bytes, call.start(index), call.size(index));
    if (!withFlags) continue;
    replyWords(
      reply,
      asRequest(call, 2, () => flagsOfKey(command, call, position)),
    );
  }
}

const group = "server";
const flags = ["loading", "stale"] as const;
const categories = ["connection"];

const sub = (
  name: string,
  arity: number,
  since: string,
  complexity: string,
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
  complexity,
  ...(usage === undefined ? {} : { usage }),
  run,
});

export const commandCommands: readonly CommandSpec[] = [
  container({
    name: "command",
    arity: -1,
    flags,
    categories,
    summary: "Get array of Redis command details",
    since: "2.8.13",
    group,
    complexity: "O(N) where N is the total number of Redis commands",
    run: info,
    subcommands: [
      sub("count", 2, "2.8.13", "O(1)", "Get total number of Redis commands", (call) =>
        call.reply.integer(topLevel(call).length),
      ),
      sub(
        "docs",
        -2,
        "7.0.0",
        "O(N) where N is the number of commands to look up",
        "Get array of specific Redis command documentation",
        docs,
        "[<command-name> ...]",
      ),
      sub(
        "getkeys",
        -4,
        "2.8.13",
        "O(N) where N is the number of arguments to the command",
        "Extract keys given a full Redis command",
        (call) => getKeys(call, false),
        "<full-command>",
      ),
      sub(
        "getkeysandflags",
        -4,
        "7.0.0",
        "O(N) where N is the number of arguments to the command",
        "Extract keys and access flags given a full Redis command",
        (call) => getKeys(call, true),
        "<full-command>",
      ),
      sub(
        "info",
        -2,
        "2.8.13",
        "O(N) where N is the number of commands to look up",
        "Get array of specific Redis command details, or all when no argument is given.",
        info,
        "[<command-name> ...]",
      ),
      sub(
        "list",
        -2,
        "7.0.0",
        "O(N) where N is the total number of Redis commands",
        "Get an array of Redis command names",
        list,
        "[FILTERBY (MODULE <name> | ACLCAT <category> | PATTERN <pattern>)]",
      ),
    ],
  }),
];
