// The error table: codes are unique, Maelstrom's are as its protocol has them, unknown ones are
// indefinite.

import { expect, test } from "vitest";
import { AssertionError, assert, unreachable } from "../../src/base/assert.js";
import { errorNameOf, errors, isDefinite } from "../../src/base/errors.js";
import { failure, success } from "../../src/base/result.js";

test("codes are unique and lead back to their names", () => {
  for (const [name, { code }] of Object.entries(errors)) expect(errorNameOf(code)).toBe(name);
});

test("only a timeout and a crash leave open whether it happened", () => {
  const open = Object.entries(errors).filter(([, kind]) => !kind.definite);
  expect(open.map(([name]) => name)).toEqual(["timeout", "crash"]);
  expect([isDefinite(0), isDefinite(11), isDefinite(13), isDefinite(22)]).toEqual([
    false,
    true,
    false,
    true,
  ]);
});

test("a code that the table does not know is indefinite", () => {
  expect(isDefinite(999)).toBe(false);
  expect(errorNameOf(999)).toBeUndefined();
});

test("assert throws on false and unreachable always", () => {
  assert(true, "fine");
  expect(() => assert(false, "broken")).toThrow(AssertionError);
  expect(() => unreachable("x" as never)).toThrow(AssertionError);
});

test("results say whether they hold a value", () => {
  expect(success(1)).toEqual({ ok: true, value: 1 });
  expect(failure("no")).toEqual({ ok: false, error: "no" });
});
