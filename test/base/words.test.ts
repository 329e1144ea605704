// Words at any position: copies and hashes agree with those made of single bytes.

import fc from "fast-check";
import { expect, test } from "vitest";
import { copyWords, knownWordsOf, wordsOf, wordsOfRequest } from "../../src/base/words.js";
import { hashBytes, hashWords } from "../../src/keyspace/hash.js";

const part = fc.record({
  bytes: fc.uint8Array({ minLength: 0, maxLength: 300 }),
  before: fc.nat(9),
  at: fc.nat(9),
});

test("words: a copy changes exactly its own bytes", () => {
  fc.assert(
    fc.property(part, ({ bytes, before, at }) => {
      const source = new Uint8Array(before + bytes.length + 5);
      source.set(bytes, before);
      const target = new Uint8Array(at + bytes.length + 5).fill(170);
      const expected = target.slice();
      expected.set(bytes, at);
      copyWords(wordsOf(target), at, wordsOf(source), before, bytes.length);
      expect(target).toEqual(expected);
    }),
  );
});

test("words: a hash does not depend on where the key lies", () => {
  fc.assert(
    fc.property(part, ({ bytes, before, at }) => {
      const request = new Uint8Array(before + bytes.length + 1);
      request.set(bytes, before);
      const elsewhere = new Uint8Array(at + bytes.length);
      elsewhere.set(bytes, at);
      const hash = hashWords(wordsOfRequest(request), before, bytes.length);
      expect(hashBytes(request, before, bytes.length)).toBe(hash);
      expect(hashBytes(elsewhere, at, bytes.length)).toBe(hash);
    }),
  );
});

test("words: those of the last request are known, and of no other bytes", () => {
  const first = Uint8Array.of(1, 2, 3, 4);
  const second = Uint8Array.of(5, 6, 7, 8);
  wordsOfRequest(first);
  expect(knownWordsOf(first)?.getUint8(0)).toBe(1);
  expect(knownWordsOf(second)).toBeUndefined();
  wordsOfRequest(second);
  expect(knownWordsOf(second)?.getUint8(0)).toBe(5);
  expect(knownWordsOf(first)).toBeUndefined();
});
