// What a command is: one record in a table. RESP, Lua, MULTI, ACL, COMMAND DOCS and the
// linearizable mode all go through these records and nothing goes round them.

import type { Call } from "./call.js";
import type { LatencyHistogram } from "./latency-histogram.js";

/** Flags as COMMAND INFO prints them, plus what the gates ask. */
export type CommandFlag =
  | "write"
  | "readonly"
  | "denyoom"
  | "admin"
  | "pubsub"
  | "noscript"
  | "blocking"
  | "loading"
  | "stale"
  | "fast"
  | "no_auth"
  | "may_replicate"
  | "movablekeys"
  | "allow_busy"
  | "no_multi"
  | "no_async_loading"
  | "no_mandatory_keys"
  | "sort_for_script"
  | "skip_monitor"
  | "skip_slowlog"
  | "asking";

/**
 * How a write reaches the other replicas:
 *  - "delta": it changes cells; the batch that closes carries what changed;
 *  - "local": it changes nothing that replicas share (a session, a counter of INFO).
 * Read commands have none.
 */
export type Replication = "delta" | "local";

export interface KeyPositions {
  /** Position of the first key; 0 means none. */
  readonly first: number;
  /** Position of the last key; negative counts from the end. */
  readonly last: number;
  readonly step: number;
}

export interface CommandSpec {
  readonly name: string;
  /** As in Redis: positive is exact, negative a minimum; the name counts. */
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  readonly keys?: KeyPositions;
  /**
   * For movable keys: positions of the keys of one request, or undefined when it is not well
   * formed.
   */
  readonly findKeys?: (call: Call) => number[] | undefined;
  /** ACL categories beyond those that follow from the flags. */
  readonly categories?: readonly string[];
  readonly replication?: Replication;
  /**
   * The argument that names an element of the collection under the key, the first of them or the
   * only one: in a batch it is looked for ahead of time.
   */
  readonly element?: number;
  readonly summary: string;
  readonly since: string;
  readonly group: string;
  readonly complexity?: string;
  /**
   * Named alone (`get`); the joined table calls them `config|get`. Positions count from the
   * container's name.
   */
  readonly subcommands?: readonly CommandSpec[];
  /** For HELP: what follows a subcommand's name, such as `<id> [TIMEOUT|ERROR]`. */
  readonly usage?: string;
  /** Positions of arguments that SLOWLOG and MONITOR must not show: passwords. */
  readonly secrets?: (call: Call) => readonly number[];
  /** COMMAND DOCS marks, and what to use in place of a deprecated command. */
  readonly deprecated?: { readonly since: string; readonly replacedBy: string };
  /** Writes the reply, or sets `call.outcome` when it could not. */
  readonly run: (call: Call) => void;
}

/** A spec with what the dispatcher keeps beside it. */
export interface Command extends CommandSpec {
  readonly id: number;
  /** 0 where it names none. */
  readonly element: number;
  readonly isWrite: boolean;
  readonly isFast: boolean;
  /** Takes next to no time: in a batch it is measured together with its neighbours. */
  readonly isLight: boolean;
  /** Position of the first key when it is fixed, else 0; the prefetch uses 1. */
  readonly firstKey: number;
  /** Its first argument is its only key, whatever the others say. */
  readonly hasOneKey: boolean;
  /** Counters of INFO commandstats. */
  calls: number;
  rejectedCalls: number;
  failedCalls: number;
  microseconds: number;
  /** Made by the dispatcher at the first call while `latency-tracking` is on; nanoseconds go in. */
  latency: LatencyHistogram | undefined;
}

export const oneKey: KeyPositions = { first: 1, last: 1, step: 1 };
export const twoKeys: KeyPositions = { first: 1, last: 2, step: 1 };
export const allKeys: KeyPositions = { first: 1, last: -1, step: 1 };
export const keyPairs: KeyPositions = { first: 1, last: -1, step: 2 };

/**
 * Every command has every field, and all in one order: the code that runs them sees one shape of
 * object, whatever each of them left out. Otherwise each look at a command is a search.
 */
export function toCommand(spec: CommandSpec, id: number): Command {
  const every: { [Name in keyof Required<Command>]: Command[Name] | undefined } = {
    id,
    run: spec.run,
    arity: spec.arity,
    name: spec.name,
    isWrite: spec.flags.includes("write"),
    isFast: spec.flags.includes("fast"),
    // Redis does not call SET fast, for it may have to free a large value; here that costs nothing.
    isLight: spec.flags.includes("fast") || spec.name === "set",
    firstKey: spec.keys?.first ?? 0,
    hasOneKey: namesOneKey(spec),
    element: spec.element ?? 0,
    calls: 0,
    rejectedCalls: 0,
    failedCalls: 0,
    microseconds: 0,
    latency: undefined,
    flags: spec.flags,
    keys: spec.keys,
    findKeys: spec.findKeys,
    categories: spec.categories,
    replication: spec.replication,
    summary: spec.summary,
    since: spec.since,
    group: spec.group,
    complexity: spec.complexity,
    subcommands: spec.subcommands,
    usage: spec.usage,
    secrets: spec.secrets,
    deprecated: spec.deprecated,
  };
  return every as Command;
}

const namesOneKey = ({ keys, findKeys, subcommands, flags }: CommandSpec): boolean =>
  keys?.first === 1 &&
  keys.last === 1 &&
  findKeys === undefined &&
  subcommands === undefined &&
  !flags.includes("pubsub");

/** The positions of a request's keys. */
export function keyPositions(command: Command, call: Call): number[] | undefined {
  if (command.findKeys !== undefined) return command.findKeys(call);
  const keys = command.keys;
  if (keys === undefined || keys.first === 0) return [];
  const last = keys.last < 0 ? call.argc + keys.last : Math.min(keys.last, call.argc - 1);
  const positions: number[] = [];
  for (let index = keys.first; index <= last; index += keys.step) positions.push(index);
  return positions;
}
