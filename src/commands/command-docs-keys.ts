// Key specifications of commands: where a request's keys stand and what is done with each. COMMAND
// INFO shows them, COMMAND GETKEYSANDFLAGS and the ACL's key permissions apply them.

import type { Call } from "./call.js";
import type { Command } from "./command.js";
import { keySpecRows, tipRows } from "./command-docs-facts.js";

interface Search {
  readonly type: string;
  readonly fields: readonly (readonly [name: string, value: string | number])[];
}

export interface KeySpec {
  readonly flags: readonly string[];
  readonly begin: Search;
  readonly find: Search;
}

const fieldNames: Readonly<Record<string, readonly string[]>> = {
  index: ["index"],
  keyword: ["keyword", "startfrom"],
  range: ["lastkey", "keystep", "limit"],
  keynum: ["keynumidx", "firstkey", "keystep"],
  unknown: [],
};

function parseSearch(text: string): Search {
  const [type, ...values] = text.split(" ");
  const fields = fieldNames[type!]!.map((name, i) => {
    const value = values[i]!;
    return [name, name === "keyword" ? value : Number(value)] as const;
  });
  return { type: type!, fields };
}

function parseSpec(text: string): KeySpec {
  const [flags, begin, find] = text.split(", ");
  return { flags: flags!.split(" "), begin: parseSearch(begin!), find: parseSearch(find!) };
}

const namesOf = (lines: readonly string[]): string[] => lines.flatMap((line) => line.split(" "));

const specsByName = new Map<string, readonly KeySpec[]>();
for (const { names, specs } of keySpecRows) {
  const parsed = specs.map(parseSpec);
  for (const name of namesOf(names)) specsByName.set(name, parsed);
}

const tipsByName = new Map<string, readonly string[]>();
for (const { names, tips } of tipRows) {
  for (const name of namesOf(names)) tipsByName.set(name, tips.split(" "));
}

export const tipsOf = (name: string): readonly string[] => tipsByName.get(name) ?? [];

/**
 * The specifications of Redis's command of that name; for our own commands they follow from the
 * record.
 */
export function keySpecsOf(command: Command): readonly KeySpec[] {
  const known = specsByName.get(command.name);
  if (known !== undefined || command.keys === undefined) return known ?? [];
  const { first, last, step } = command.keys;
  const flags = command.isWrite ? ["RW", "access", "update"] : ["RO", "access"];
  const begin = parseSearch(`index ${first}`);
  const find = parseSearch(`range ${last < 0 ? last : last - first} ${step} 0`);
  return [{ flags, begin, find }];
}

export const hasKeys = (command: Command): boolean =>
  command.findKeys !== undefined || command.keys !== undefined || keySpecsOf(command).length > 0;

/**
 * Commands whose use of a key depends on an argument: whether it writes at all, or reads as well.
 */
const variableFlags: Readonly<Record<string, (call: Call) => string[]>> = {
  set: (call) => (hasWord(call, 3, "GET") ? ["RW", "access", "update"] : ["OW", "update"]),
  bitfield: (call) =>
    ["SET", "INCRBY"].some((word) => hasWord(call, 2, word))
      ? ["RW", "access", "update"]
      : ["RO", "access"],
};

function hasWord(call: Call, from: number, word: string): boolean {
  for (let index = from; index < call.argc; index++) if (call.is(index, word)) return true;
  return false;
}

/** What a request (held by `call`) does with the key at a position. */
export function flagsOfKey(command: Command, call: Call, position: number): readonly string[] {
  const variable = variableFlags[command.name];
  if (variable !== undefined) return variable(call);
  const specs = keySpecsOf(command);
  const spec = specs.find((candidate) => covers(candidate, call, position));
  // A key that no specification reaches stands behind an option such as STORE.
  return (spec ?? specs.at(-1))?.flags ?? [];
}

function covers(spec: KeySpec, call: Call, position: number): boolean {
  const start = startOf(spec.begin, call);
  if (start === undefined) return false;
  const [a, b, c] = spec.find.fields.map(([, value]) => Number(value));
  if (spec.find.type === "range") {
    const last = a! >= 0 ? start + a! : call.argc + a!;
    return position >= start && position <= last && (position - start) % b! === 0;
  }
  if (spec.find.type !== "keynum") return false;
  const count = call.safeInteger(start + a!);
  const first = start + b!;
  return position >= first && position < first + count * c! && (position - first) % c! === 0;
}

/** Where the search begins: a fixed place, or behind a keyword. */
function startOf(begin: Search, call: Call): number | undefined {
  if (begin.type === "index") return Number(begin.fields[0]![1]);
  if (begin.type !== "keyword") return undefined;
  const word = String(begin.fields[0]![1]).toUpperCase();
  const from = Number(begin.fields[1]![1]);
  const step = from < 0 ? -1 : 1;
  for (let index = from < 0 ? call.argc + from : from; index > 0 && index < call.argc; ) {
    if (call.is(index, word)) return index + 1;
    index += step;
  }
  return undefined;
}
