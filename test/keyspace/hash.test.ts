// Two keys hashed side by side have the hashes that they have alone.

import fc from "fast-check";
import { expect, test } from "vitest";
import { wordsOf } from "../../src/base/words.js";
import { hashTwo, hashWords } from "../../src/keyspace/hash.js";

test("hash: two runs of one length are hashed as each by itself", () => {
  const runs = fc
    .nat({ max: 70 })
    .chain((length) => fc.tuple(bytesOf(length), bytesOf(length), fc.nat({ max: 9 })));
  fc.assert(
    fc.property(runs, ([first, second, gap]) => {
      const { length } = first;
      const bytes = Uint8Array.from([...first, ...new Uint8Array(gap), ...second]);
      const words = wordsOf(bytes);
      const hashes = new Int32Array(4);
      hashTwo(words, 0, length + gap, length, hashes, 1);
      const alone = [hashWords(words, 0, length), hashWords(words, length + gap, length)];
      expect([...hashes]).toEqual([0, ...alone, 0]);
    }),
    { endOnFailure: true },
  );
});

const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
