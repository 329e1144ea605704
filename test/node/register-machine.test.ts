// The change function of registers: commands on an encoded state, and bytes that are none.

import fc from "fast-check";
import { expect, test } from "vitest";
import { emptyBytes, fromUtf8, utf8 } from "../../src/base/bytes.js";
import { encodeOperation, RegisterMachine } from "../../src/node/register-machine.js";
import { Rig } from "../server-commands/harness.js";

const operation = (...args: string[]): Uint8Array =>
  encodeOperation({ resp3: false, database: 0, args: args.map(utf8) });

function newMachine(): RegisterMachine {
  const { node } = new Rig();
  return new RegisterMachine(node.keyspace, node.table, node.environment);
}

test("register machine: operations run in order on the state and answer as Redis does", () => {
  const machine = newMachine();
  const first = machine.change(
    emptyBytes,
    [operation("SET", "k", "10"), operation("INCR", "k"), operation("GET", "k")],
    1_800_000_000_000,
  );
  expect(first.outcomes.map(fromUtf8)).toEqual(["+OK\r\n", ":11\r\n", "$2\r\n11\r\n"]);
  expect(first.changed).toBe(true);
  const second = machine.change(first.state, [operation("SET", "k", "1", "NX")], 1_800_000_000_001);
  expect(second.outcomes.map(fromUtf8)).toEqual(["$-1\r\n"]);
  expect(second.changed).toBe(false);
  expect(fromUtf8(machine.query(first.state, operation("GET", "k"), 1_800_000_000_002))).toBe(
    "$2\r\n11\r\n",
  );
});

test("register machine: bytes that are no operation are answered and change nothing", () => {
  const machine = newMachine();
  const { state } = machine.change(emptyBytes, [operation("SET", "k", "v")], 1_800_000_000_000);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      // Four times out of five random bytes are no operation at all; the rest name no command.
      const result = machine.change(state, [bytes], 1_800_000_000_001);
      expect(fromUtf8(result.outcomes[0]!)).toMatch(/^-ERR /);
      expect(result.changed).toBe(false);
    }),
    { numRuns: 500 },
  );
  const elsewhere = encodeOperation({ resp3: false, database: 77, args: [utf8("GET"), utf8("k")] });
  expect(fromUtf8(machine.query(state, elsewhere, 1_800_000_000_002))).toMatch(/^-ERR malformed/);
});

test("register machine: a read that keeps a result keeps it nowhere; patterns of SORT are refused", () => {
  const machine = newMachine();
  const at = 1_800_000_000_000;
  const { state } = machine.change(emptyBytes, [operation("PFADD", "k", "a", "b")], at);
  const ask = (...args: string[]): string =>
    fromUtf8(machine.query(state, operation(...args), at + 1));
  const before = ask("DUMP", "k");
  expect(ask("PFCOUNT", "k")).toBe(":2\r\n");
  expect(ask("DUMP", "k")).toBe(before);
  const list = machine.change(emptyBytes, [operation("RPUSH", "l", "2", "1")], at).state;
  const sorted = (...args: string[]): string =>
    fromUtf8(machine.query(list, operation("SORT_RO", "l", ...args), at + 1));
  expect(sorted("GET", "#")).toBe("*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
  expect(sorted("BY", "nosort")).toBe("*2\r\n$1\r\n2\r\n$1\r\n1\r\n");
  expect(sorted("BY", "w_*")).toMatch(/^-ERR BY and GET of SORT/);
  expect(sorted("GET", "o_*")).toMatch(/^-ERR BY and GET of SORT/);
});
