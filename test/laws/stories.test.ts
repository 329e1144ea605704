// The stories of merge-rules.md that concern lattices, each the counterexample to a simpler rule.
// Where the simpler rule is one line, it is also a planted bug (test/planted/lattice.ts).

import { describe, expect, test } from "vitest";
import { fromUtf8, utf8 } from "../../src/base/bytes.js";
import { parseDecimal } from "../../src/lattice/decimal.js";
import { slots } from "../../src/lattice/key-entry.js";
import type { KeyOperation, KeyView, TimedOperation } from "../../src/lattice/key-lattice.js";
import type { Lattice } from "../../src/lattice/lattice.js";
import type { CounterOperation } from "../../src/lattice/pn-counter.js";
import { lattices } from "../../src/lattice/registry.js";
import { LawReplica, type SentBatch } from "./replica.js";

const start = 1_800_000_000_000;

/** Three replicas of one lattice and a wall clock that moves when somebody writes. */
function cluster<State, Delta, Operation, Value>(lattice: Lattice<State, Delta, Operation, Value>) {
  let wallMs = start;
  const make = (name: string) => {
    const replica = new LawReplica(lattice, name);
    return {
      replica,
      write: (...operations: Operation[]): SentBatch<Operation> =>
        replica.write(operations, ++wallMs),
      query: (): Value => replica.query(),
      /** Joins deltas in this order; each must be applicable. */
      receive: (...batches: readonly SentBatch<Operation>[]): void => {
        for (const batch of batches) {
          expect(replica.mayApply(batch)).toBe(true);
          replica.apply(batch);
        }
      },
      /** Joins another replica's whole state. */
      joinFrom: (other: { readonly replica: LawReplica<State, Delta, Operation, Value> }): void =>
        replica.join(other.replica.snapshot()),
    };
  };
  return { n1: make("n1/a"), n2: make("n2/b"), n3: make("n3/c") };
}

const set = (value: string) => ({ kind: "assign" as const, value: utf8(value) });
const incr = (by: string): CounterOperation => ({ kind: "increment", by: parseDecimal(by)! });
const del = { kind: "clear" as const };
const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : fromUtf8(value);

const on = (operation: KeyOperation, isLate = false): TimedOperation => ({ operation, isLate });
const sadd = (element: string) => on({ kind: "put", slot: slots.set, element, value: utf8("") });
const srem = (element: string) => on({ kind: "remove", slot: slots.set, element });
const hset = (element: string) => on({ kind: "put", slot: slots.hash, element, value: utf8("v") });
const setKey = (value: string) => on({ kind: "set", value: utf8(value) });
const delKey = on({ kind: "delete" });
const expire = (deadlineMs: number) => on({ kind: "expire", deadlineMs });
const members = (view: KeyView | undefined) => view?.elements.map(([element]) => element);

describe("rule 1: nothing is pruned locally", () => {
  test("a DEL that saw both siblings removes both, also where the loser is the winner's senior", () => {
    // Had n1 collected 17 as the loser, its DEL would list 18 alone, and n2 would show 17 for ever.
    const { n1, n2 } = cluster(lattices.mv_register);
    const seventeen = n2.write(set("17"));
    const eighteen = n1.write(set("18"));
    n1.receive(seventeen);
    n2.receive(eighteen);
    const removal = n1.write(del);
    n2.receive(removal);
    expect(n1.query()).toEqual([]);
    expect(n2.query()).toEqual([]);
  });
});

describe("rule 3: a stamp exceeds every stamp seen", () => {
  test("a write that saw a fast clock's value replaces it, though its own clock is behind", () => {
    const { n1, n2 } = cluster(lattices.lww_register);
    const fast = n2.replica.write([{ value: utf8("fast") }], start + 60_000);
    n1.receive(fast);
    n2.receive(n1.write({ value: utf8("answer") }));
    expect(text(n2.query())).toBe("answer");
  });

  test("two writes with the wall clock going back in between have two stamps", () => {
    // With one stamp for both, the second would be taken for seen wherever the first had arrived.
    const { n1, n2 } = cluster(lattices.g_set);
    const first = n1.replica.write([{ add: "a" }], start + 10);
    const second = n1.replica.write([{ add: "b" }], start);
    expect(second.time).toBeGreaterThan(first.time);
    n2.receive(first, second);
    expect(n2.query()).toEqual(["a", "b"]);
  });
});

describe("rule 5: removals are named one by one", () => {
  test("a wipe leaves the increment that it never saw", () => {
    const { n1, n2 } = cluster(lattices.pn_counter);
    n1.receive(n2.write(incr("3")));
    const unseen = n2.write(incr("4"));
    const wipe = n1.write(del);
    n2.receive(wipe);
    n1.receive(unseen);
    expect([text(n1.query()), text(n2.query())]).toEqual(["4", "4"]);
  });

  test("what a batch adds and takes away again is not in its delta", () => {
    const { n1, n2 } = cluster(lattices.add_wins_set);
    const empty = n1.write({ kind: "add", element: "a" }, { kind: "remove", element: "a" });
    const nothing = n2.write({ kind: "remove", element: "a" });
    expect(empty.delta).toEqual(nothing.delta);
  });
});

describe("rule 7: a counter that was reset starts a new birth", () => {
  test("INCR 3, DEL, all seen, INCR gives 1 everywhere", () => {
    // If the owner dropped its row and began again under the old birth, the others would keep 3 - 3
    // as the higher sum and the new increment would be lost.
    const { n1, n2, n3 } = cluster(lattices.pn_counter);
    const three = n1.write(incr("3"));
    n2.receive(three);
    n3.receive(three);
    const removal = n2.write(del);
    n1.receive(removal);
    n3.receive(removal);
    const one = n1.write(incr("1"));
    n2.receive(one);
    n3.joinFrom(n1);
    expect([n1, n2, n3].map((node) => text(node.query()))).toEqual(["1", "1", "1"]);
  });

  test("increments and decrements of one row join by stamp, not by size", () => {
    const { n1, n2 } = cluster(lattices.pn_counter);
    n2.receive(n1.write(incr("5")), n1.write(incr("-4")));
    expect(text(n2.query())).toBe("1");
  });
});

describe("rule 8: increments count until a SET or DEL has seen them", () => {
  test("SET 10 beside INCR is 11", () => {
    const { n1, n2 } = cluster(lattices.pn_counter);
    const [base, one] = [n1.write(set("10")), n2.write(incr("1"))];
    n1.receive(one);
    n2.receive(base);
    expect([text(n1.query()), text(n2.query())]).toEqual(["11", "11"]);
  });

  test("(SET 10, INCR) beside SET 20 is 21", () => {
    const { n1, n2 } = cluster(lattices.pn_counter);
    const [eleven, twenty] = [n1.write(set("10"), incr("1")), n2.write(set("20"))];
    n1.receive(twenty);
    n2.receive(eleven);
    expect([text(n1.query()), text(n2.query())]).toEqual(["21", "21"]);
  });

  test("DEL beside an unseen INCR is 1, and two DELs never subtract twice", () => {
    const { n1, n2, n3 } = cluster(lattices.pn_counter);
    const five = n1.write(incr("5"));
    n2.receive(five);
    n3.receive(five);
    const one = n1.write(incr("1"));
    const [first, second] = [n2.write(del), n3.write(del)];
    n1.receive(first, second);
    n2.receive(one, second);
    n3.receive(first, one);
    expect([n1, n2, n3].map((node) => text(node.query()))).toEqual(["1", "1", "1"]);
  });

  test("a text base hides the increments, and no order of floats gives another sum", () => {
    const { n1, n2, n3 } = cluster(lattices.pn_counter);
    const tenth = n1.write(incr("0.1"));
    const fifth = n2.write(incr("0.2"));
    const huge = n3.write(incr("10000000000000000"));
    n1.receive(fifth, huge);
    n3.receive(tenth, fifth);
    expect([text(n1.query()), text(n3.query())]).toEqual(Array(2).fill("10000000000000000.3"));
    const hello = n2.write(set("hello"));
    n1.receive(hello);
    expect(text(n1.query())).toBe("hello");
  });
});

describe("rule 9: registers and expiry keep every sibling", () => {
  test("SET 20 beside SET 10: removing 20 alone leaves 10, whatever was joined first", () => {
    // A register that drops 10 on meeting 20 answers nothing in the first order and 10 in the
    // second.
    const answers = ["n2 before", "n2 after"].map((order) => {
      const { n1, n2, n3 } = cluster(lattices.mv_register);
      const ten = n1.write(set("10"));
      const twenty = n2.write(set("20"));
      const removal = n2.write(del);
      if (order === "n2 before") n3.receive(ten, twenty, removal);
      else n3.receive(twenty, removal, ten);
      return n3.query().map(fromUtf8);
    });
    expect(answers).toEqual([["10"], ["10"]]);
  });

  test("EXPIRE beside PERSIST: persist counts, and its replacement uncovers the other deadline", () => {
    const { n1, n2, n3 } = cluster(lattices.expiry_register);
    const later = n1.write({ kind: "expire", deadlineMs: 9000 });
    const persist = n2.write({ kind: "persist" });
    n3.receive(later, persist);
    expect(n3.query()).toBe(Number.POSITIVE_INFINITY);
    const sooner = n2.write({ kind: "expire", deadlineMs: 1000 });
    n3.receive(sooner);
    n1.joinFrom(n2);
    expect([n1.query(), n3.query()]).toEqual([9000, 9000]);
  });
});

describe("rule 10: every entry carries the birth of its slot", () => {
  test("a slot's birth follows its live entries, and is not a maximum that was joined once", () => {
    // n2's set is born last, but its member is gone: x alone is left, and x was born before the
    // hash.
    const { n1, n2, n3 } = cluster(lattices.key);
    const x = n1.write(sadd("x"));
    const field = n3.write(hset("f"));
    const y = n2.write(sadd("y"));
    n2.receive(x);
    const noY = n2.write(srem("y"));
    n1.receive(y, noY, field);
    n3.joinFrom(n2);
    expect([n1.query()?.slot, n3.query()?.slot]).toEqual([slots.hash, slots.hash]);
    expect(members(n1.query())).toEqual(["f"]);
  });

  test("removing the winner's last member does not bring the old string back", () => {
    const { n1, n2 } = cluster(lattices.key);
    const old = n1.write(setKey("old"));
    const member = n2.write(sadd("x"));
    n2.receive(old);
    expect(n2.query()?.slot).toBe(slots.set);
    const removal = n2.write(srem("x"));
    n1.receive(member, removal);
    expect([n1.query(), n2.query()]).toEqual([undefined, undefined]);
  });

  test("EXPIRE beside DEL and SADD: the new key does not inherit the deadline", () => {
    const { n1, n2 } = cluster(lattices.key);
    n2.receive(n1.write(sadd("a")));
    const deadline = n2.write(expire(5000));
    const anew = n1.write(delKey, sadd("b"));
    n1.receive(deadline);
    n2.receive(anew);
    expect(n1.query()).toEqual(n2.query());
    expect(members(n1.query())).toEqual(["b"]);
    expect(n1.query()?.deadlineMs).toBeUndefined();
  });

  test("EXPIRE beside SADD to the same key: the deadline counts", () => {
    const { n1, n2 } = cluster(lattices.key);
    n2.receive(n1.write(sadd("a")));
    const deadline = n2.write(expire(5000));
    const more = n1.write(sadd("b"));
    n1.receive(deadline);
    n2.receive(more);
    expect([n1.query()?.deadlineMs, n2.query()?.deadlineMs]).toEqual([5000, 5000]);
  });

  test("an increment after a reset carries the birth that its writer saw", () => {
    // n1's row of f was born with n1's hash; n3's hash is younger and gives the key its birth. Had
    // n1 extended its dead row, the row alone would be left, with the older birth, and the
    // deadline, which was set for the younger one, would not count any more.
    const { n1, n2, n3 } = cluster(lattices.key);
    const byOne: KeyOperation = {
      kind: "increment",
      slot: slots.hash,
      element: "f",
      by: parseDecimal("1")!,
    };
    const first = n1.write(on(byOne), hset("g"));
    const younger = n3.write(hset("h"));
    n2.receive(first, younger);
    const reset = n2.write(on({ kind: "remove", slot: slots.hash, element: "f" }));
    n1.receive(younger, reset);
    const again = n1.write(on(byOne), expire(5000));
    const others = ["g", "h"].map((element) => on({ kind: "remove", slot: slots.hash, element }));
    n1.receive(n2.write(...others));
    n2.receive(again);
    for (const node of [n1, n2]) {
      expect(members(node.query())).toEqual(["f"]);
      expect(node.query()?.deadlineMs).toBe(5000);
    }
  });

  test("writing to an expired key first removes all that was seen, and nothing else", () => {
    const { n1, n2 } = cluster(lattices.key);
    n2.receive(n1.write(sadd("old"), expire(1000)));
    const unseen = n2.write(sadd("unseen"));
    const late = n1.write({ ...sadd("new"), isLate: true });
    n1.receive(unseen);
    n2.receive(late);
    expect(members(n1.query())).toEqual(["new", "unseen"]);
    expect(n1.query()).toEqual(n2.query());
    expect(n1.query()?.deadlineMs).toBeUndefined();
  });
});

describe("rule 18: lists", () => {
  test("LSET survives a concurrent pop, and a pop that saw it takes it", () => {
    const { n1, n2 } = cluster(lattices.key);
    const lset = (value: string) =>
      on({ kind: "put", slot: slots.list, element: "position", value: utf8(value) });
    const pop = on({ kind: "remove", slot: slots.list, element: "position" });
    n2.receive(n1.write(lset("old")));
    const [changed, popped] = [n2.write(lset("new")), n1.write(pop)];
    n1.receive(changed);
    n2.receive(popped);
    for (const node of [n1, n2])
      expect(node.query()?.elements.map(([, value]) => text(value))).toEqual(["new"]);
    n2.receive(n1.write(pop));
    expect(n2.query()).toBeUndefined();
  });
});

describe("design.md section 4: the conflict table", () => {
  test("SADD stays beside SREM, and a removed member does not come back", () => {
    const { n1, n2, n3 } = cluster(lattices.add_wins_set);
    const first = n1.write({ kind: "add", element: "a" });
    n2.receive(first);
    n3.receive(first);
    const again = n1.write({ kind: "add", element: "a" });
    const removal = n2.write({ kind: "remove", element: "a" });
    n1.receive(removal);
    n3.receive(removal);
    expect(n1.query()).toEqual(["a"]);
    expect(n3.query()).toEqual([]);
    n3.receive(first); // A duplicate of what was removed.
    expect(n3.query()).toEqual([]);
    n3.receive(again);
    expect(n3.query()).toEqual(["a"]);
  });

  test("HSET beside DEL of the hash: only the new field remains", () => {
    const { n1, n2 } = cluster(lattices.key);
    n2.receive(n1.write(hset("old")));
    const unseen = n2.write(hset("new"));
    const removal = n1.write(delKey);
    n1.receive(unseen);
    n2.receive(removal);
    expect([members(n1.query()), members(n2.query())]).toEqual([["new"], ["new"]]);
  });

  test("ZREM beside an unseen ZINCRBY 2: the member stays with score 2", () => {
    const { n1, n2 } = cluster(lattices.field_map);
    n2.receive(n1.write({ kind: "assign", field: "m", value: utf8("10") }));
    const two = n2.write({ kind: "increment", field: "m", by: parseDecimal("2")! });
    const removal = n1.write({ kind: "remove", field: "m" });
    n1.receive(two);
    n2.receive(removal);
    for (const node of [n1, n2])
      expect(node.query().map(([field, score]) => [field, text(score)])).toEqual([["m", "2"]]);
  });
});
