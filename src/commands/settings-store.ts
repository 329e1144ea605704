// The settings of one node: the table's rows with their values. Changes come in groups and are
// applied all or none: first every value is read, then every effect is tried, and only then does
// any listener hear of it.

import { assert } from "../base/assert.js";
import type { SettingRefusal, SettingSpec, Settings } from "./settings.js";
import { settingSpecs } from "./settings-table.js";
import { readSetting } from "./settings-values.js";

type Listener = (value: string) => void;
type Apply = (value: string) => string | undefined;

interface Entry {
  readonly spec: SettingSpec;
  value: string;
  /** The value as a number, for parameters that are numbers. */
  number: number;
  readonly listeners: Listener[];
  apply: Apply | undefined;
}

interface Change {
  readonly entry: Entry;
  readonly value: string;
}

/** Parameters that only a running listener could carry out; without one a change is refused. */
const needApply = new Map([
  ["port", "Unable to listen on this port. Check server logs."],
  ["tls-port", "Unable to listen on this port. Check server logs."],
  ["bind", "Failed to bind to specified addresses."],
  ["activedefrag", "Active defragmentation cannot be enabled: this node compacts by itself"],
]);

export class SettingsStore implements Settings {
  readonly #entries = new Map<string, Entry>();
  readonly #names: string[] = [];

  /** `start` gives values by name for this node; they are read as a config file's would be. */
  constructor(start: Readonly<Record<string, string>> = {}, specs = settingSpecs) {
    for (const spec of specs) {
      const entry: Entry = { spec, value: "", number: 0, listeners: [], apply: undefined };
      assign(entry, spec.initial);
      for (const name of [spec.name, ...(spec.aliases ?? [])]) {
        assert(!this.#entries.has(name), `two settings are called ${name}`);
        this.#entries.set(name, entry);
        if (spec.hidden !== true) this.#names.push(name);
      }
    }
    for (const [name, value] of Object.entries(start)) {
      const error = this.load(name, value);
      assert(error === undefined, `setting ${name}: ${error}`);
    }
  }

  #find(name: string): Entry | undefined {
    return this.#entries.get(name) ?? this.#entries.get(name.toLowerCase());
  }

  #known(name: string): Entry {
    const entry = this.#find(name);
    assert(entry !== undefined, `no setting is called ${name}`);
    return entry;
  }

  get(name: string): string | undefined {
    return this.#find(name)?.value;
  }

  number(name: string): number {
    const { number } = this.#known(name);
    assert(!Number.isNaN(number), `setting ${name} is no number`);
    return number;
  }

  flag(name: string): boolean {
    return this.#known(name).value === "yes";
  }

  names(): readonly string[] {
    return this.#names;
  }

  specOf(name: string): SettingSpec | undefined {
    return this.#find(name)?.spec;
  }

  onChange(name: string, listener: Listener): void {
    const entry = this.#known(name);
    entry.listeners.push(listener);
    listener(entry.value);
  }

  onApply(name: string, apply: Apply): void {
    this.#known(name).apply = apply;
  }

  /** A value from the start of the node: immutable parameters too, and nothing is applied. */
  load(name: string, text: string): string | undefined {
    const entry = this.#find(name);
    if (entry === undefined) return "Bad directive or wrong number of arguments";
    const reading = readSetting(entry.spec, text, entry.value);
    if ("refusal" in reading) return reading.refusal;
    assign(entry, reading.value);
    for (const listener of entry.listeners) listener(entry.value);
    return undefined;
  }

  set(name: string, value: string): string | undefined {
    const refusal = this.setAll([[name, value]]);
    return refusal === undefined ? undefined : (refusal.reason ?? "Unknown option");
  }

  setAll(changes: readonly (readonly [name: string, value: string])[]): SettingRefusal | undefined {
    const plan = this.#plan(changes);
    if (!Array.isArray(plan)) return plan;
    const refusal = this.#apply(plan);
    if (refusal !== undefined) return refusal;
    for (const { entry, value } of plan) assign(entry, value);
    for (const { entry } of plan) for (const listener of entry.listeners) listener(entry.value);
    return undefined;
  }

  /** Reads every value without changing anything. */
  #plan(changes: readonly (readonly [string, string])[]): Change[] | SettingRefusal {
    // As in Redis, an alias beside its parameter is no duplicate: the later one holds.
    const seen = new Set<string>();
    for (const [name] of changes) {
      const entry = this.#find(name);
      if (entry === undefined) return { name };
      if (entry.spec.immutable === true) return { name, reason: "can't set immutable config" };
      const lower = name.toLowerCase();
      if (seen.has(lower)) return { name, reason: "duplicate parameter" };
      seen.add(lower);
    }
    return this.#read(changes);
  }

  #read(changes: readonly (readonly [string, string])[]): Change[] | SettingRefusal {
    const plan: Change[] = [];
    for (const [name, text] of changes) {
      const entry = this.#known(name);
      const reading = readSetting(entry.spec, text, entry.value);
      if ("refusal" in reading) return { name: name.toLowerCase(), reason: reading.refusal };
      plan.push({ entry, value: reading.value });
    }
    return plan;
  }

  /** Tries the effects; when one fails those before it are taken back. */
  #apply(plan: readonly Change[]): SettingRefusal | undefined {
    const done: Entry[] = [];
    for (const { entry, value } of plan) {
      if (value === entry.value) continue;
      const name = entry.spec.name;
      const reason = entry.apply === undefined ? needApply.get(name) : entry.apply(value);
      if (reason !== undefined) {
        for (const earlier of done.reverse()) earlier.apply!(earlier.value);
        return { name, reason };
      }
      if (entry.apply !== undefined) done.push(entry);
    }
    return undefined;
  }
}

function assign(entry: Entry, value: string): void {
  entry.value = value;
  entry.number = numberOf(entry.spec, value);
}

function numberOf(spec: SettingSpec, value: string): number {
  if (spec.kind === "octal") return Number.parseInt(value, 8);
  // A percentage is told apart by its sign, as in Redis.
  if (value.endsWith("%")) return -Number(value.slice(0, -1));
  const isNumber =
    spec.kind === "integer" || spec.kind === "memory" || spec.kind === "memoryOrPercent";
  return isNumber ? Number(value) : Number.NaN;
}
