// Arguments of commands as COMMAND DOCS describes them, from a notation that fits a line:
//
//   name:type=TOKEN#keySpec?*+~since!deprecated( parts )
//
// The type is left out where it is the name itself; `<nx>` is the pure token NX. `?` is optional,
// `*` may be repeated, `+` with its token. What has parts is a choice (`oneof`) or a group
// (`block`) of them. Names and tokens with other characters stand in quotes.

import { assert } from "../base/assert.js";
import { firstArgumentRows } from "./command-docs-arguments-first.js";
import { secondArgumentRows } from "./command-docs-arguments-second.js";
import type { Reply } from "./reply.js";

export interface Argument {
  readonly name: string;
  readonly type: string;
  readonly token: string | undefined;
  readonly keySpec: number | undefined;
  readonly flags: readonly string[];
  readonly since: string | undefined;
  readonly deprecatedSince: string | undefined;
  /** Parts of a choice or a group; undefined for plain arguments. */
  readonly parts: readonly Argument[] | undefined;
}

const text = String.raw`"[^"]*"|[\w/-]+`;
const argumentPattern = new RegExp(
  `^(?:<([\\w-]+)>|(${text}))(?::([a-z-]+))?(?:=(${text}))?(?:#(\\d))?` +
    "([?*+]*)(?:~([\\d.]+))?(?:!([\\d.]+))?(\\()?$",
);

const flagNames = new Map([
  ["?", "optional"],
  ["*", "multiple"],
  ["+", "multiple_token"],
]);

const unquoted = (word: string | undefined): string | undefined =>
  word?.startsWith('"') === true ? word.slice(1, -1) : word;

/** Reads arguments from a list of words, up to its end or the `)` that closes their group. */
function readArguments(words: string[]): Argument[] {
  const found: Argument[] = [];
  for (let word = words.shift(); word !== undefined && word !== ")"; word = words.shift()) {
    const match = argumentPattern.exec(word);
    assert(match !== null, `not an argument: ${word}`);
    const [, pure, plain, type, token, keySpec, flags, since, deprecatedSince, opening] = match;
    const name = pure ?? unquoted(plain)!;
    found.push({
      name,
      type: pure === undefined ? (type ?? name) : "pure-token",
      token: pure?.toUpperCase() ?? unquoted(token),
      keySpec: keySpec === undefined ? undefined : Number(keySpec),
      flags: [...flags!].map((mark) => flagNames.get(mark)!),
      since,
      deprecatedSince,
      parts: opening === undefined ? undefined : readArguments(words),
    });
  }
  return found;
}

function readRows(rows: string): [names: string[], text: string][] {
  const lines = rows.replace(/\n +/g, " ").split("\n");
  return lines
    .filter((line) => line !== "")
    .map((line) => {
      const colon = line.indexOf(" : ");
      return [line.slice(0, colon).split(" "), line.slice(colon + 3)];
    });
}

/** Rows by command; read at the first question, for hardly any process is ever asked. */
let rowsByName: Map<string, string> | undefined;

/** The documented arguments of Redis's command of that full name. */
export function argumentsOf(name: string): Argument[] {
  rowsByName ??= new Map(
    [...readRows(firstArgumentRows), ...readRows(secondArgumentRows)].flatMap(([names, row]) =>
      names.map((each) => [each, row] as const),
    ),
  );
  const row = rowsByName.get(name);
  return row === undefined ? [] : readArguments(row.split(" "));
}

export function replyArguments(reply: Reply, list: readonly Argument[]): void {
  reply.array(list.length);
  for (const argument of list) replyArgument(reply, argument);
}

function replyArgument(reply: Reply, argument: Argument): void {
  const { keySpec, token, since, deprecatedSince, flags, parts } = argument;
  const fields: [string, () => void][] = [];
  const addText = (name: string, value: string | undefined): void => {
    if (value !== undefined) fields.push([name, () => reply.bulkText(value)]);
  };
  addText("name", argument.name);
  addText("type", argument.type);
  if (keySpec !== undefined) fields.push(["key_spec_index", () => reply.integer(keySpec)]);
  addText("token", token);
  addText("since", since);
  addText("deprecated_since", deprecatedSince);
  if (flags.length > 0) {
    fields.push([
      "flags",
      () => {
        reply.set(flags.length);
        for (const flag of flags) reply.simple(flag);
      },
    ]);
  }
  if (parts !== undefined) fields.push(["arguments", () => replyArguments(reply, parts)]);
  reply.map(fields.length);
  for (const [name, write] of fields) {
    reply.bulkText(name);
    write();
  }
}
