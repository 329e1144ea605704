// Loads the configuration: flag, environment, file, default, in this order of precedence, each
// value with its source. Pure given a reader of files. The world's mistakes (unknown key, wrong
// type, out of range, refused name) come back together as one list, each with its place and reason;
// the caller stops the start. Left out: changing settings while the node runs.

import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import { parse as parseToml, TomlError } from "smol-toml";
import { failure, type Result, success } from "../base/result.js";
import { lineOfKey } from "./config-lines.js";
import {
  type Setting,
  type SettingName,
  type Settings,
  settingNames,
  settingOf,
} from "./config-table.js";

export type { ConsistencyMode, SettingName, Settings } from "./config-table.js";

export type SourceKind = "flag" | "environment" | "file" | "default";

/** Where a value came from; `place` is "--port", "REDIS_PORT", "perf_config.toml:12", or "". */
export interface SettingSource {
  readonly kind: SourceKind;
  readonly place: string;
}

export interface SkerryConfig {
  readonly settings: Settings;
  readonly sources: Readonly<Record<SettingName, SettingSource>>;
  /** The file that was read, or undefined when there was none. */
  readonly file: string | undefined;
}

/** Texts given on the command line, by setting. `file` is `--config`. */
export interface Flags {
  readonly file?: string;
  readonly values: Readonly<Partial<Record<SettingName, string>>>;
}

/** Something wrong in one place. `line` is 0 when the place is not a file. */
export interface ConfigError {
  readonly place: string;
  readonly key: string;
  readonly reason: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The text of a file, or undefined when there is none. */
export type ReadFile = (path: string) => string | undefined;

export const defaultFile = "perf_config.toml";

/**
 * @param packageFolder where the program's own perf_config.toml lies, used when the current folder
 * has none
 */
export function loadConfig(
  flags: Flags,
  env: Environment,
  readFile: ReadFile,
  packageFolder?: string,
): Result<SkerryConfig, ConfigError[]> {
  const errors: ConfigError[] = [];
  const file = findFile(flags, env, readFile, packageFolder, errors);
  const given = new Map<SettingName, { value: unknown; source: SettingSource }>();
  if (file !== undefined) addFile(file, given, errors);
  addEnvironment(env, given, errors);
  addFlags(flags, given, errors);
  refuse(given, errors);
  if (errors.length > 0) return failure(errors);

  const values: Partial<Record<SettingName, unknown>> = {};
  const sources: Partial<Record<SettingName, SettingSource>> = {};
  for (const name of settingNames) {
    const found = given.get(name);
    values[name] = found === undefined ? settingOf(name).default : found.value;
    sources[name] = found?.source ?? { kind: "default", place: "" };
  }
  return success({
    // Every name is present and every value passed the schema of its row.
    settings: values as Settings,
    sources: sources as Record<SettingName, SettingSource>,
    file: file?.path,
  });
}

/** One error as one line: `perf_config.toml:3: server.port: ...`. */
export const describeError = ({ place, key, reason }: ConfigError): string =>
  [place, key, reason].filter((part) => part !== "").join(": ");

/** The lines of `--print-config`: every setting, its value, its source. Secrets are not shown. */
export function describeConfig(config: SkerryConfig): string[] {
  const rows = settingNames.map((name) => {
    const { path, isSecret, note, default: usual } = settingOf(name);
    const value = config.settings[name];
    const shown = isSecret && value !== usual ? '"***"' : JSON.stringify(value);
    const { kind, place } = config.sources[name];
    const source = kind === "default" ? kind : `${kind} ${place}`;
    return [path, shown, kind !== "default" && note ? `${source} (${note})` : source];
  });
  const width = (column: number): number => Math.max(...rows.map((row) => row[column]!.length));
  const [first, second] = [width(0), width(1)];
  return rows.map(([path, value, source]) =>
    [path!.padEnd(first), value!.padEnd(second), source].join("  "),
  );
}

type Given = Map<SettingName, { value: unknown; source: SettingSource }>;

interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

function findFile(
  flags: Flags,
  env: Environment,
  readFile: ReadFile,
  packageFolder: string | undefined,
  errors: ConfigError[],
): ConfigFile | undefined {
  const named = flags.file ?? (env.PERF_CONFIG_PATH || undefined);
  if (named !== undefined) {
    const text = readFile(named);
    if (text !== undefined) return { path: named, text };
    const place = flags.file === undefined ? "environment PERF_CONFIG_PATH" : "--config";
    errors.push({ place, key: "", reason: `there is no file ${named}` });
    return undefined;
  }
  const candidates = [defaultFile];
  if (packageFolder !== undefined) candidates.push(`${packageFolder}/${defaultFile}`);
  for (const path of candidates) {
    const text = readFile(path);
    if (text !== undefined) return { path, text };
  }
  return undefined;
}

function addFile({ path, text }: ConfigFile, given: Given, errors: ConfigError[]): void {
  let document: unknown;
  try {
    document = parseToml(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message.split("\n")[0]!;
    errors.push({ place: `${path}:${error.line}:${error.column}`, key: "", reason });
    return;
  }
  const placeOf = (key: readonly string[]): string => `${path}:${lineOfKey(text, key)}`;
  const found = check(document).sort((a, b) => lineOfKey(text, a.key) - lineOfKey(text, b.key));
  for (const { key, reason } of found)
    errors.push({ place: placeOf(key), key: key.join("."), reason });
  if (found.length > 0) return;
  for (const name of settingNames) {
    const key = settingOf(name).path.split(".");
    const value = valueAt(document, key);
    if (value !== undefined)
      given.set(name, { value, source: { kind: "file", place: placeOf(key) } });
  }
}

function addEnvironment(env: Environment, given: Given, errors: ConfigError[]): void {
  for (const name of settingNames) {
    // An empty variable is how compose files say "not set".
    const variable = settingOf(name).env.find((candidate) => (env[candidate] ?? "") !== "");
    if (variable === undefined) continue;
    addText(name, env[variable]!, { kind: "environment", place: variable }, given, errors);
  }
}

function addFlags(flags: Flags, given: Given, errors: ConfigError[]): void {
  for (const name of settingNames) {
    const text = flags.values[name];
    if (text === undefined) continue;
    const { flag } = settingOf(name);
    // Parameters come from flags of their own names, and from a redis.conf.
    const place = flag === undefined ? "by name" : `--${flag}`;
    addText(name, text, { kind: "flag", place }, given, errors);
  }
}

function addText(
  name: SettingName,
  text: string,
  source: SettingSource,
  given: Given,
  errors: ConfigError[],
): void {
  const setting = settingOf(name);
  const value = setting.parse(text);
  const shown = setting.isSecret ? "***" : text;
  const place =
    source.kind === "environment"
      ? `environment ${source.place}=${shown}`
      : `${source.place} ${shown}`;
  const found = check(nest(setting.path.split("."), value));
  if (found.length === 0) given.set(name, { value, source });
  else errors.push({ place, key: setting.path, reason: `expected ${setting.expects}` });
}

function refuse(given: Given, errors: ConfigError[]): void {
  for (const [name, { value, source }] of given) {
    const { refusal, default: usual, path } = settingOf(name);
    if (refusal === undefined || JSON.stringify(value) === JSON.stringify(usual)) continue;
    const place = source.kind === "environment" ? `environment ${source.place}` : source.place;
    errors.push({ place, key: path, reason: `refused: ${refusal}` });
  }
}

interface Finding {
  readonly key: readonly string[];
  readonly reason: string;
}

let compiled: ValidateFunction | undefined;

/** Judges a document of the shape of perf_config.toml; a part of one is fine. */
function check(document: unknown): Finding[] {
  compiled ??= new Ajv({ allErrors: true, strict: true }).compile(documentSchema());
  if (compiled(document)) return [];
  const findings = (compiled.errors ?? []).map((error) => describe(error, document));
  // One mistake may break several rules of the schema; the first description is enough.
  const seen = new Set<string>();
  return findings.filter(({ key }) => !seen.has(key.join("\0")) && seen.add(key.join("\0")));
}

function describe(error: ErrorObject, document: unknown): Finding {
  const key = error.instancePath.split("/").slice(1).map(unescapePointer);
  if (error.keyword === "additionalProperties") {
    const unknown = [...key, String(error.params.additionalProperty)];
    return { key: unknown, reason: `unknown key${suggestion(unknown.join("."))}` };
  }
  const setting = settingAt(key);
  const expected = setting === undefined ? "a table" : setting.expects;
  const path = setting === undefined ? key : key.slice(0, setting.path.split(".").length + 1);
  return { key: path, reason: `expected ${expected}, found ${show(valueAt(document, key))}` };
}

const show = (value: unknown): string => JSON.stringify(value)?.slice(0, 80) ?? String(value);

const unescapePointer = (part: string): string => part.replaceAll("~1", "/").replaceAll("~0", "~");

/** The row that a path lies in: the row itself or, for tables and lists, something inside it. */
function settingAt(key: readonly string[]): Setting<unknown> | undefined {
  const path = `${key.join(".")}.`;
  return settingNames.map(settingOf).find((row) => path.startsWith(`${row.path}.`));
}

function suggestion(unknown: string): string {
  const last = unknown.split(".").at(-1)!;
  const paths = settingNames.map((name) => settingOf(name).path);
  const same = paths.find((path) => path.split(".").at(-1) === last);
  const near = same ?? paths.find((path) => distance(path, unknown) <= 2);
  return near === undefined ? "" : `; did you mean ${near}?`;
}

/** Levenshtein's distance, for names of a few dozen letters. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

interface Section {
  type: "object";
  additionalProperties: false;
  properties: Record<string, unknown>;
}

const newSection = (): Section => ({ type: "object", additionalProperties: false, properties: {} });

function documentSchema(): Section {
  const root = newSection();
  for (const name of settingNames) {
    const { path, schema } = settingOf(name);
    const parts = path.split(".");
    let section = root;
    for (const part of parts.slice(0, -1)) {
      section.properties[part] ??= newSection();
      section = section.properties[part] as Section;
    }
    section.properties[parts.at(-1)!] = schema;
  }
  return root;
}

const nest = (path: readonly string[], value: unknown): unknown =>
  path.reduceRight((inner, part) => ({ [part]: inner }), value);

function valueAt(document: unknown, path: readonly string[]): unknown {
  let value = document;
  for (const part of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part))
      return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}
