// Which consistency mode a key has: the longest configured prefix of it decides, else the default.
// Modes never mix on one key, because a key's mode follows from its name alone.

import { latin1 } from "../base/bytes.js";
import { tagRange } from "../keyspace/slot.js";

export type ConsistencyMode = "eventual" | "causal" | "linearizable";

export interface ConsistencyRules {
  readonly default: ConsistencyMode;
  /** Key prefixes as UTF-8 text. */
  readonly prefixes: Readonly<Record<string, ConsistencyMode>>;
}

export class Consistency {
  readonly #default: ConsistencyMode;
  readonly #prefixes: readonly { readonly prefix: Uint8Array; readonly mode: ConsistencyMode }[];

  constructor(rules: ConsistencyRules) {
    this.#default = rules.default;
    this.#prefixes = Object.entries(rules.prefixes)
      .map(([prefix, mode]) => ({ prefix: new TextEncoder().encode(prefix), mode }))
      .sort((a, b) => b.prefix.length - a.prefix.length);
  }

  /** False when every key is eventual: the dispatcher then never asks. */
  get isMixed(): boolean {
    return this.#default !== "eventual" || this.#prefixes.some((rule) => rule.mode !== "eventual");
  }

  modeOf(bytes: Uint8Array, start: number, length: number): ConsistencyMode {
    for (let rule = 0; rule < this.#prefixes.length; rule++) {
      const { prefix, mode } = this.#prefixes[rule]!;
      if (prefix.length > length) continue;
      let i = 0;
      while (i < prefix.length && bytes[start + i] === prefix[i]) i++;
      if (i === prefix.length) return mode;
    }
    return this.#default;
  }

  readonly isEventual = (bytes: Uint8Array, start: number, length: number): boolean =>
    this.modeOf(bytes, start, length) === "eventual";
}

/**
 * The register of a key: all keys of a database that share a hash tag, else the key alone. The
 * first character is the database, the second tells tags from keys.
 */
export function registerOf(
  database: number,
  bytes: Uint8Array,
  start: number,
  length: number,
): string {
  const end = start + length;
  const [from, to] = tagRange(bytes, start, end);
  const kind = from === start && to === end ? "k" : "t";
  return String.fromCharCode(database) + kind + latin1(bytes, from, to);
}
