// Glob patterns, against Redis's corners and against a plain recursive matcher.

import fc from "fast-check";
import { expect, test } from "vitest";
import { fromLatin1 } from "../../src/base/bytes.js";
import { matchesGlob } from "../../src/commands/glob.js";

const matches = (pattern: string, text: string): boolean =>
  matchesGlob(fromLatin1(pattern), fromLatin1(text));

test.each([
  ["*", "a", true],
  ["", "", true],
  ["", "a", false],
  ["a", "", false],
  ["**", "abc", true],
  ["h?llo", "hello", true],
  ["h?llo", "hllo", false],
  ["h*llo", "heeeello", true],
  ["h[ae]llo", "hello", true],
  ["h[ae]llo", "hillo", false],
  ["h[^e]llo", "hallo", true],
  ["h[^e]llo", "hello", false],
  ["h[a-b]llo", "hbllo", true],
  ["h[b-a]llo", "hbllo", true],
  ["h[a-b]llo", "hcllo", false],
  ["\\*", "*", true],
  ["\\*", "a", false],
  ["a\\", "a\\", true],
  ["[\\]]", "]", true],
  ["[a", "a", true],
  ["[", "[", false],
  ["[^", "a", true],
  ["[]", "a", false],
  ["[^]", "a", true],
  ["[a-]", "^", true],
  ["*a*b", "xaxxb", true],
  ["*a*b", "xaxxbx", false],
  ["a*", "a", true],
  ["a**", "a", true],
  ["foo*", "foobar", true],
  ["*[0-9]*", "abc7def", true],
])("%j matches %j: %s", (pattern, text, answer) => {
  expect(matches(pattern, text)).toBe(answer);
});

/** Exponential, and obviously right for stars, question marks and plain bytes. */
function plainly(pattern: string, text: string): boolean {
  if (pattern === "") return text === "";
  if (pattern[0] === "*") {
    return plainly(pattern.slice(1), text) || (text !== "" && plainly(pattern, text.slice(1)));
  }
  if (text === "" || (pattern[0] !== "?" && pattern[0] !== text[0])) return false;
  return plainly(pattern.slice(1), text.slice(1));
}

test("agrees with the plain definition", () => {
  const pattern = fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), maxLength: 8 });
  const text = fc.string({ unit: fc.constantFrom("a", "b"), minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(pattern, text, (p, t) => {
      expect(matches(p, t)).toBe(plainly(p, t));
    }),
    { numRuns: 2000 },
  );
});

test("a pattern of many stars takes no longer than pattern times text", () => {
  const pattern = `${"a*".repeat(50)}b`;
  const started = process.hrtime.bigint();
  expect(matches(pattern, "a".repeat(5000))).toBe(false);
  expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(500);
});
