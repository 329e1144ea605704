// What folding a sorted set into a packed record needs beyond other collections: its order, and
// scores in short form.

import { compareText, equalBytes } from "../base/bytes.js";
import type { Cell } from "../lattice/cell.js";
import type { ElementStore } from "../lattice/element-store.js";
import {
  copyScore,
  packScore,
  scoreBytes,
  scoreLength,
  scoreOfBytes,
  scoreScratch,
  unpackScore,
} from "./zset-score.js";

type Element = [string, Readonly<Cell>];

/** The elements by score and member, each by its first sibling: only simple elements are packed. */
export function inScoreOrder(store: ElementStore): Element[] {
  const scoreOf = ([, cell]: Element): number => {
    const value = cell.siblings[0]?.value;
    return value?.length === scoreLength ? scoreOfBytes(value) : 0;
  };
  return [...store.entries()].sort((a, b) => {
    const [left, right] = [scoreOf(a), scoreOf(b)];
    return left === right ? compareText(a[0], b[0]) : left < right ? -1 : 1;
  });
}

/**
 * The short form of a member's value, valid until the next call; undefined for bytes that no write
 * makes.
 */
export function shortScore(value: Uint8Array): Uint8Array | undefined {
  if (value.length !== scoreLength) return undefined;
  const score = scoreOfBytes(value);
  if (!equalBytes(scoreBytes(score), value)) return undefined;
  return scoreScratch.subarray(0, packScore(score));
}

/** The value that a short form stands for. */
export const longScore = (bytes: Uint8Array, at: number, length: number): Uint8Array =>
  copyScore(unpackScore(bytes, at, length));
