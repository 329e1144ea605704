// Glob patterns over bytes, as KEYS, SCAN MATCH, CONFIG GET and PSUBSCRIBE take them: `*`, `?`,
// `[a-z]`, `[^a]` and `\` before a byte that stands for itself. Redis's stringmatchlen decides the
// corners: an unterminated class ends with the pattern, a range may be written backwards, bytes
// compare as signed in ranges, and a lone `\` at the end is itself.
//
// A star that fails is only ever retried at the last star passed: an earlier one could match
// nothing more. So the work is at most pattern times text, whatever the pattern.

const star = 42;
const question = 63;
const open = 91;
const close = 93;
const caret = 94;
const backslash = 92;
const dash = 45;

/** Whether `text[start, start + length)` matches the pattern. */
export function matchesGlob(
  pattern: Uint8Array,
  text: Uint8Array,
  start = 0,
  length = text.length,
): boolean {
  if (length === 0) return pattern.length === 0;
  const end = start + length;
  let at = start;
  let p = 0;
  let afterStar = -1;
  let retryAt = start;
  while (at < end) {
    if (p < pattern.length && pattern[p] === star) {
      afterStar = ++p;
      retryAt = at;
      continue;
    }
    const next = p < pattern.length ? matchOne(pattern, p, text[at]!) : -1;
    if (next >= 0) {
      p = next;
      at++;
    } else if (afterStar >= 0) {
      p = afterStar;
      at = ++retryAt;
    } else {
      return false;
    }
  }
  while (p < pattern.length && pattern[p] === star) p++;
  return p === pattern.length;
}

/** The pattern position behind the item at `p` when it matches the byte, else -1. */
function matchOne(pattern: Uint8Array, p: number, byte: number): number {
  const item = pattern[p]!;
  if (item === question) return p + 1;
  if (item === open) return matchClass(pattern, p + 1, byte);
  const literal = item === backslash && p + 1 < pattern.length ? p + 1 : p;
  return pattern[literal] === byte ? literal + 1 : -1;
}

const signed = (byte: number): number => (byte << 24) >> 24;

function matchClass(pattern: Uint8Array, start: number, byte: number): number {
  const isNegated = pattern[start] === caret;
  let p = isNegated ? start + 1 : start;
  let found = false;
  while (p < pattern.length && pattern[p] !== close) {
    if (pattern[p] === backslash && p + 1 < pattern.length) {
      if (pattern[p + 1] === byte) found = true;
      p += 2;
    } else if (pattern[p + 1] === dash && p + 2 < pattern.length) {
      const a = signed(pattern[p]!);
      const b = signed(pattern[p + 2]!);
      const value = signed(byte);
      if (value >= Math.min(a, b) && value <= Math.max(a, b)) found = true;
      p += 3;
    } else {
      if (pattern[p] === byte) found = true;
      p++;
    }
  }
  if (found === isNegated) return -1;
  return Math.min(p + 1, pattern.length);
}

/** A pattern that matches every key, also the empty one. */
export const isMatchAll = (pattern: Uint8Array): boolean =>
  pattern.length === 1 && pattern[0] === star;
