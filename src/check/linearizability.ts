// Is a history linearizable? Wing and Gong's search (1993) with Lowe's memo (2017) and Horn and
// Kroening's split by key (2015): try to order the operations, one after the other, so that each
// takes effect between its invocation and its reply and the model can explain every result.
//
// An indefinite operation is an open interval: it may take its place at any time after its
// invocation, or never. Four facts keep hundreds of them (and long histories) cheap; each preserves
// the verdict:
//   * a pure operation (a read) that is possible now can always go first, so there is no choice to
//     make;
//   * equal indefinite operations are interchangeable: the earliest unused one stands for all of
//     them;
//   * an indefinite operation is only worth placing if the next operation needs it (else drop it);
//   * a configuration is hopeless if one with the same definite operations and state, and no more
//     of the indefinite ones used, was hopeless.
// Left out: minimal counterexamples. The explanation is the longest prefix that can be ordered.

import type { Json } from "./canonical.js";
import { canonical } from "./canonical.js";
import { type History, type Operation, type Verdict, worstVerdict } from "./history.js";
import { searchLinearization } from "./linearization-search.js";
import type { Model } from "./model.js";

export { impossible, type Model, type RegisterState, registerModel } from "./model.js";

export interface LinearizabilityOptions {
  /** Configurations explored per key before the verdict is `unknown`. Default 5 million. */
  readonly statesMax?: number;
}

/** Why an operation could not come next after the longest prefix. */
export interface StuckOperation {
  readonly operation: Operation;
  readonly reason: string;
}

export interface KeyVerdict {
  readonly key: Json | undefined;
  readonly verdict: Verdict;
  /** Operations that constrain the order: those that certainly or possibly happened. */
  readonly operationCount: number;
  readonly indefiniteCount: number;
  readonly statesExplored: number;
  /**
   * Of an invalid or unknown key: the longest order found, the state it leads to, and what is stuck
   * there.
   */
  readonly longestPrefix?: readonly Operation[];
  readonly state?: string;
  readonly stuck?: readonly StuckOperation[];
}

export interface LinearizabilityVerdict {
  readonly verdict: Verdict;
  readonly keys: readonly KeyVerdict[];
  readonly statesExplored: number;
}

export const STATES_MAX_DEFAULT = 5_000_000;

/**
 * Judges every key of `history` against `model`. `invalid` means no order exists; `unknown` that
 * the search was given up after `statesMax` configurations of one key.
 */
export function checkLinearizable<State>(
  history: History,
  model: Model<State>,
  options: LinearizabilityOptions = {},
): LinearizabilityVerdict {
  const statesMax = options.statesMax ?? STATES_MAX_DEFAULT;
  const keys = splitByKey(history).map(({ key, operations }): KeyVerdict => {
    return { key, ...searchLinearization(operations, model, statesMax) };
  });
  return {
    verdict: worstVerdict(keys.map(({ verdict }) => verdict)),
    keys,
    statesExplored: keys.reduce((sum, { statesExplored }) => sum + statesExplored, 0),
  };
}

function splitByKey(history: History): { key: Json | undefined; operations: Operation[] }[] {
  const groups = new Map<string, { key: Json | undefined; operations: Operation[] }>();
  for (const operation of history) {
    const name = canonical(operation.key);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, { key: operation.key, operations: [operation] });
    else group.operations.push(operation);
  }
  return [...groups.values()];
}

/** A few lines for people: which key, how far an order reaches, and what cannot follow. */
export function explainKey({ key, longestPrefix, state, stuck }: KeyVerdict): string {
  if (longestPrefix === undefined) return `key ${canonical(key)}: linearizable`;
  const tail = longestPrefix.slice(-LINES_MAX).map((operation) => `  then ${describe(operation)}`);
  const skipped = longestPrefix.length - tail.length;
  const shown = skipped > 0 ? ", the last of them" : "";
  return [
    `key ${canonical(key)}: ${longestPrefix.length} operations can be ordered${shown}:`,
    ...tail,
    `  the register then holds ${state}, and nothing can come next:`,
    ...(stuck ?? []).slice(0, LINES_MAX).map(({ operation, reason }) => {
      return `  stuck ${describe(operation)}: ${reason}`;
    }),
  ].join("\n");
}

const LINES_MAX = 12;

/** One operation in one line: process, interval, call and result. */
export function describe(operation: Operation): string {
  const { process, node, f, input, invokedAt, completedAt, outcome, output } = operation;
  const until = outcome === "indefinite" ? "?" : (completedAt ?? "?");
  const where = node === undefined ? "" : ` at ${node}`;
  const call = input === null ? f : `${f} ${canonical(input)}`;
  const result = output === undefined ? outcome : `${outcome} ${canonical(output)}`;
  return `process ${process}${where} [${invokedAt}, ${until}] ${call} -> ${result}`;
}
