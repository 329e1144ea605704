// Reads a redis.conf, so that who has one need not translate it: a directive per line, with Redis's
// quoting. What has a flag of its own here (port, bind) and the parameters of CONFIG come out by
// name; anything else is a mistake that is told with its line.
//
// Left out: include, modules, renamed commands and users, which this server does not have.

import { fromUtf8, utf8 } from "../base/bytes.js";
import { failure, type Result, success } from "../base/result.js";
import { settingSpecs } from "../commands/settings-table.js";
import { splitInline } from "../wire/request-decoder.js";
import type { ConfigError } from "./config.js";

/** What a line adds to the ones before it instead of taking their place. */
const growing = new Set(["save", "client-output-buffer-limit"]);

const missing: Readonly<Record<string, string>> = {
  include: "other files are not read",
  loadmodule: "there are no modules",
  "rename-command": "commands keep their names",
  user: "there are no users, only requirepass",
};

/** The parameters of a file by name, the last of each. @param place its name, for messages. */
export function readRedisConf(
  text: string,
  place: string,
): Result<ReadonlyMap<string, string>, ConfigError[]> {
  const errors: ConfigError[] = [];
  const values = new Map<string, string>();
  text.split(/\r?\n/).forEach((line, index) => {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) return;
    const refusal = addLine(trimmed, values);
    if (refusal === undefined) return;
    const [key = ""] = trimmed.split(/\s/);
    errors.push({ place: `${place}:${index + 1}`, key, reason: refusal });
  });
  return errors.length === 0 ? success(values) : failure(errors);
}

let known: ReadonlySet<string> | undefined;

function addLine(line: string, values: Map<string, string>): string | undefined {
  const bytes = utf8(line);
  const args = splitInline(bytes, 0, bytes.length)?.map(fromUtf8);
  if (args === undefined) return "unbalanced quotes";
  const name = args[0]!.toLowerCase();
  known ??= new Set(settingSpecs.flatMap((spec) => [spec.name, ...(spec.aliases ?? [])]));
  if (missing[name] !== undefined) return missing[name];
  if (!known.has(name)) return "Bad directive or wrong number of arguments";
  if (args.length < 2) return "wrong number of arguments";
  const value = args.slice(1).join(" ");
  const before = values.get(name);
  const isAdded = growing.has(name) && before !== undefined && before !== "" && value !== "";
  values.set(name, isAdded ? `${before} ${value}` : value);
  return undefined;
}

/** `bind` of Redis as ours: addresses that need not exist here are left out. */
export const bindOf = (addresses: string): string =>
  addresses
    .split(" ")
    .filter((address) => !address.startsWith("-"))
    .map((address) => (address === "*" ? "0.0.0.0" : address))
    .join(",");
