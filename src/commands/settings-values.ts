// Reads the values of CONFIG SET: text into Redis's canonical text, by the row's kind. Numbers are
// 64-bit integers as in Redis, so they are BigInts here; only CONFIG SET comes this way.

import type { Reading, SettingSpec } from "./settings.js";

export const int32Max = 2 ** 31 - 1;
export const int32Min = -(2 ** 31);
export const uint32Max = 2 ** 32 - 1;
export const int64Max = 2n ** 63n - 1n;
export const uint64Max = 2n ** 64n - 1n;

const accept = (value: string): Reading => ({ value });
const refuse = (refusal: string): Reading => ({ refusal });

/** Reads a value for a row. `current` is the canonical value that the parameter has now. */
export function readSetting(spec: SettingSpec, text: string, current: string): Reading {
  switch (spec.kind) {
    case "boolean":
      return readFlag(text);
    case "choice":
      return readChoices(spec, [text]);
    case "choices":
      return readChoices(spec, wordsOf(text));
    case "text":
    case "words":
      return spec.read?.(text, current) ?? accept(text);
    default:
      return completed(spec, readNumber(spec, text));
  }
}

const completed = (spec: SettingSpec, reading: Reading): Reading =>
  "value" in reading && spec.complete !== undefined
    ? accept(spec.complete(reading.value))
    : reading;

/** Several values in one argument are separated by single spaces. */
export const wordsOf = (text: string): string[] => (text === "" ? [] : text.split(" "));

function readFlag(text: string): Reading {
  const lower = text.toLowerCase();
  if (lower === "yes" || lower === "no") return accept(lower);
  return refuse("argument must be 'yes' or 'no'");
}

/** Words that mean the same as an earlier choice of the same row. */
const synonyms = new Map([["relative", "yes"]]);

function readChoices(spec: SettingSpec, words: readonly string[]): Reading {
  const choices = spec.choices!;
  const lower = words.map((word) => word.toLowerCase());
  if (lower.length === 0 || !lower.every((word) => choices.includes(word))) {
    return refuse(`argument(s) must be one of the following: ${choices.join(", ")}`);
  }
  if (spec.kind === "choice") return accept(synonyms.get(lower[0]!) ?? lower[0]!);
  // Flags add up; `default` is no flag at all.
  const flags = choices.filter((choice) => choice !== "default" && lower.includes(choice));
  if (flags.includes("save") && flags.includes("nosave")) {
    return refuse("shutdown options SAVE and NOSAVE can't be used simultaneously");
  }
  return accept(flags.length === 0 ? "default" : flags.join(" "));
}

function readNumber(spec: SettingSpec, text: string): Reading {
  const percent = spec.kind === "memoryOrPercent" ? readPercent(text) : undefined;
  const value = percent === undefined ? parseNumber(spec, text) : -percent;
  if (value === undefined) return refuse(cannotParse(spec));
  const min = BigInt(spec.min!);
  const max = BigInt(spec.max!);
  if (spec.kind === "memoryOrPercent" && value < 0n) {
    if (value < min) return refuse(`percentage argument must be less or equal to ${-min}`);
    return accept(`${-value}%`);
  }
  if (value >= min && value <= max) return accept(value.toString(radixOf(spec)));
  const shown = (bound: bigint): string => bound.toString(radixOf(spec));
  return refuse(`argument must be between ${shown(min)} and ${shown(max)} inclusive`);
}

const radixOf = (spec: SettingSpec): number => (spec.kind === "octal" ? 8 : 10);

function cannotParse(spec: SettingSpec): string {
  if (spec.kind === "memoryOrPercent") return "argument must be a memory or percent value";
  if (spec.kind === "memory") return "argument must be a memory value";
  if (spec.kind === "octal") return "argument couldn't be parsed as an octal number";
  return "argument couldn't be parsed into an integer";
}

function parseNumber(spec: SettingSpec, text: string): bigint | undefined {
  if (spec.kind === "integer") return parseInteger(text);
  if (spec.kind === "octal") return /^[0-7]{1,21}$/.test(text) ? BigInt(`0o${text}`) : undefined;
  return parseMemory(text);
}

function parseInteger(text: string): bigint | undefined {
  if (!/^(0|-?[1-9][0-9]{0,18})$/.test(text)) return undefined;
  const value = BigInt(text);
  return value > int64Max || value < -int64Max - 1n ? undefined : value;
}

function readPercent(text: string): bigint | undefined {
  if (!text.endsWith("%")) return undefined;
  const value = parseInteger(text.slice(0, -1));
  return value === undefined || value < 0n ? undefined : value;
}

const units = new Map([
  ["", 1n],
  ["b", 1n],
  ["k", 1000n],
  ["kb", 1024n],
  ["m", 1000_000n],
  ["mb", 1024n ** 2n],
  ["g", 1000_000_000n],
  ["gb", 1024n ** 3n],
]);

/** A number of bytes with a unit, as `maxmemory 100mb`; undefined when it is none. */
export function parseMemory(text: string): bigint | undefined {
  const match = /^([0-9]{0,127})([a-z]*)$/i.exec(text);
  const unit = match === null ? undefined : units.get(match[2]!.toLowerCase());
  if (unit === undefined) return undefined;
  const value = BigInt(match![1] === "" ? 0 : match![1]!);
  return BigInt.asUintN(64, (value > uint64Max ? uint64Max : value) * unit);
}

// ---- rows with a grammar of their own

/** `save`: pairs of seconds and changes. */
export function readSavePoints(text: string): Reading {
  const words = wordsOf(text);
  const isGood = words.every((word, index) => {
    if (!/^[+]?[0-9]{1,15}$/.test(word)) return false;
    return Number(word) >= (index % 2 === 0 ? 1 : 0);
  });
  if (words.length % 2 === 1 || !isGood) return refuse("Invalid save parameters");
  return accept(words.map((word) => String(Number(word))).join(" "));
}

/** Classes of clients that have output limits, and the names they may be given. */
const bufferClasses = new Map([
  ["normal", "normal"],
  ["slave", "slave"],
  ["replica", "slave"],
  ["pubsub", "pubsub"],
]);

/**
 * `client-output-buffer-limit`: class, hard limit, soft limit, seconds; classes not named keep
 * theirs.
 */
export function readOutputLimits(text: string, current: string): Reading {
  const words = wordsOf(text);
  if (words.length % 4 !== 0) {
    return refuse("Wrong number of arguments in buffer limit configuration.");
  }
  const limits = new Map<string, string>();
  for (const part of groupsOfFour(wordsOf(current))) limits.set(part[0]!, part.join(" "));
  for (const [name, hard, soft, seconds] of groupsOfFour(words)) {
    const kind = bufferClasses.get(name!.toLowerCase());
    if (kind === undefined) {
      return refuse("Invalid client class specified in buffer limit configuration.");
    }
    const bytes = [parseMemory(hard!), parseMemory(soft!)];
    if (bytes.includes(undefined) || !/^[0-9]{1,15}$/.test(seconds!)) {
      return refuse("Error in hard, soft or soft_seconds setting in buffer limit configuration.");
    }
    limits.set(kind, `${kind} ${bytes[0]} ${bytes[1]} ${Number(seconds)}`);
  }
  return accept([...limits.values()].join(" "));
}

function groupsOfFour(words: readonly string[]): string[][] {
  const groups: string[][] = [];
  for (let i = 0; i + 4 <= words.length; i += 4) groups.push(words.slice(i, i + 4));
  return groups;
}

/** `oom-score-adj-values`: three numbers. */
export function readOomScores(text: string): Reading {
  const words = wordsOf(text);
  if (words.length !== 3) return refuse("wrong number of arguments");
  const isGood = (word: string): boolean =>
    /^[+-]?[0-9]{1,5}$/.test(word) && Math.abs(Number(word)) <= 2000;
  if (words.every(isGood)) return accept(words.map((word) => String(Number(word))).join(" "));
  return refuse("Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
}

/** The classes of keyspace events in Redis's order; those before `n` together are `A`. */
const eventClasses = "g$lshzxetd";

/**
 * `notify-keyspace-events`. Redis forgets to print `n` beside `A`, though it keeps it; here it
 * stays visible, for the printed text is the setting.
 */
export function readEventClasses(text: string): Reading {
  if (!/^[Ag$lshzxeKEtmdn]*$/.test(text)) {
    return refuse("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
  }
  const has = (letter: string): boolean =>
    text.includes(letter) || (eventClasses.includes(letter) && text.includes("A"));
  const classes = [...eventClasses].filter(has).join("");
  const shown = classes === eventClasses ? "A" : classes;
  return accept(shown + [..."nKEm"].filter((letter) => text.includes(letter)).join(""));
}

const bindAddressCountMax = 16;

/** `bind`: a list of addresses. */
export function readAddresses(text: string): Reading {
  if (wordsOf(text).length > bindAddressCountMax) {
    return refuse("Too many bind addresses specified.");
  }
  return accept(text);
}

/** `latency-tracking-info-percentiles`: numbers from 0 to 100. */
export function readPercentiles(text: string): Reading {
  const words = wordsOf(text);
  if (
    !words.every((word) =>
      /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$|^[+-]?inf(inity)?$/i.test(word),
    )
  ) {
    return refuse("Invalid latency-tracking-info-percentiles parameters");
  }
  if (!words.every((word) => Number(word) >= 0 && Number(word) <= 100)) {
    return refuse("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
  }
  return accept(words.map((word) => trimNumber(Number(word))).join(" "));
}

/** As printf's `%f` with its trailing zeros cut off. */
export const trimNumber = (value: number): string =>
  value.toFixed(6).replace(/0+$/, "").replace(/\.$/, "");

/** A file name that must not be a path. */
export const readFileName =
  (setting: string, what: string, mayBeEmpty: boolean) =>
  (text: string): Reading => {
    if (text === "" && !mayBeEmpty) return refuse(`${setting} can't be empty`);
    if (/[/\\]/.test(text)) return refuse(`${setting} can't be a path, just a ${what}`);
    return accept(text);
  };

/** `cluster-announce-hostname`. */
export function readHostName(text: string): Reading {
  if (text.length >= 256) return refuse("Hostnames must be less than 256 characters");
  if (/^[A-Za-z0-9.-]*$/.test(text)) return accept(text);
  return refuse("Hostnames may only contain alphanumeric characters, hyphens or dots");
}

const titleNames = "title|listen-addr|server-mode|port|tls-port|unixsocket|config-file";
const titlePattern = new RegExp(`^([^{]|\\{(${titleNames})\\})*$`);

/** `proc-title-template`. */
export function readTitleTemplate(text: string): Reading {
  if (text !== "" && titlePattern.test(text)) return accept(text);
  return refuse("template format is invalid or contains unknown variables");
}

/** `hz` stays between 1 and 500 whatever is asked for. */
export const clampHz = (value: string): string => String(Math.min(500, Math.max(1, Number(value))));
