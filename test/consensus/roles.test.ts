// The roles one at a time: what an acceptor answers, what the applied table makes of envelopes, how
// timers come up. Each test states one sentence of consensus-rules.

import { expect, test } from "vitest";
import { utf8 } from "../../src/base/bytes.js";
import { Acceptor } from "../../src/consensus/acceptor.js";
import { Agenda, type Job } from "../../src/consensus/agenda.js";
import { type Ballot, compareBallots, zeroBallot } from "../../src/consensus/ballot.js";
import { firstConfiguration, majorityOf } from "../../src/consensus/configuration.js";
import { Peers } from "../../src/consensus/peers.js";
import { Votes } from "../../src/consensus/quorum.js";
import { applyEnvelopes, blankValue } from "../../src/consensus/register-value.js";
import { defaultTiming } from "../../src/consensus/timing.js";
import { change, decodeOutcome, decodeState, encode, type OperationName } from "./machine.js";

const ballot = (round: number, node = "n1", epoch = 1, incarnation = 1): Ballot => ({
  epoch,
  round,
  node,
  incarnation,
});

const register = "r";

function newAcceptor(): {
  prepare(asked: Ballot): string;
  accept(asked: Ballot, text?: string): string;
  acceptor: Acceptor;
  records(): number;
} {
  let lsn = 0;
  const acceptor = new Acceptor(() => ++lsn);
  return {
    acceptor,
    records: () => lsn,
    prepare: (asked) =>
      acceptor.onPrepare({ type: "prepare", register, ballot: asked, known: undefined }).body.type,
    accept: (asked, text = "x") =>
      acceptor.onAccept(
        {
          type: "accept",
          register,
          ballot: asked,
          value: { ...blankValue, state: utf8(text) },
          next: { ...asked, round: asked.round + 1 },
          collects: false,
        },
        false,
      ).body.type,
  };
}

test("ballot: epoch, then round, then node, then process", () => {
  const ascending = [
    ballot(9, "n9", 1, 9),
    ballot(1, "n1", 2, 9),
    ballot(2, "n1", 2, 1),
    ballot(2, "n2", 2, 1),
    ballot(2, "n2", 2, 2),
  ];
  for (let i = 1; i < ascending.length; i++)
    expect(compareBallots(ascending[i - 1]!, ascending[i]!)).toBeLessThan(0);
});

test("acceptor: it promises at or above its promise and above its vote", () => {
  const { prepare, accept } = newAcceptor();
  expect(prepare(ballot(5))).toBe("promise");
  expect(prepare(ballot(4))).toBe("rejected");
  expect(prepare(ballot(5))).toBe("promise"); // Asked again, because the answer was lost.
  expect(accept(ballot(5))).toBe("accepted");
  // A late copy must not look as if it came before the vote.
  expect(prepare(ballot(5))).toBe("rejected");
  expect(prepare(ballot(6, "n0"))).toBe("rejected"); // Below 6.n1, which the vote promised.
  expect(prepare(ballot(6, "n2"))).toBe("promise");
});

test("acceptor: it votes at or above its promise, and says the same vote again", () => {
  const { prepare, accept, records } = newAcceptor();
  prepare(ballot(5));
  expect(accept(ballot(4))).toBe("rejected");
  expect(accept(ballot(5))).toBe("accepted");
  expect(prepare(ballot(9, "n2"))).toBe("promise");
  const before = records();
  expect(accept(ballot(5))).toBe("accepted");
  expect(records()).toBe(before);
  expect(accept(ballot(6))).toBe("rejected");
});

test("acceptor: a reply waits for its own record, a read for the vote it reports", () => {
  const { acceptor, accept, records } = newAcceptor();
  accept(ballot(1));
  const read = { type: "read", register, id: 1, known: undefined } as const;
  expect(acceptor.onRead(read, 1).lsn).toBe(records());
  expect(acceptor.onRead({ ...read, register: "blank" }, 1)).toMatchObject({
    lsn: 0,
    body: { accepted: undefined },
  });
});

test("acceptor: its records bring it back", () => {
  const { acceptor, accept, prepare } = newAcceptor();
  accept(ballot(3));
  prepare(ballot(8, "n3"));
  const again = newAcceptor();
  for (const record of acceptor.records()) again.acceptor.recover(record);
  expect(again.acceptor.promisedOf(register)).toEqual(ballot(8, "n3"));
  expect(again.acceptor.acceptedOf(register)?.ballot).toEqual(ballot(3));
  expect(again.prepare(ballot(7, "n3"))).toBe("rejected");
});

const envelope = (
  seq: number,
  f: OperationName,
  input: unknown,
  incarnation = 1,
  origin = "n1",
) => ({
  origin,
  incarnation,
  seq,
  born: zeroBallot,
  operations: [encode({ id: seq, f, input: input as string })],
});

const run = (base: typeof blankValue, ...envelopes: readonly ReturnType<typeof envelope>[]) => {
  const { value, outcomes } = applyEnvelopes(base, envelopes, (state, operations) =>
    change(register, state, operations),
  );
  const told = outcomes.map((some) => (typeof some === "string" ? some : decodeOutcome(some[0]!)));
  return { value, told, text: decodeState(value.state).value };
};

test("applied table: greater runs, equal gets the stored outcome, smaller is refused", () => {
  const first = run(blankValue, envelope(1, "append", "a"));
  const again = run(first.value, envelope(1, "append", "a"));
  expect(again).toMatchObject({ told: [{ ok: 1 }], text: "a" });
  const second = run(again.value, envelope(2, "append", "b"));
  expect(run(second.value, envelope(1, "append", "a"))).toMatchObject({
    told: ["moved_on"],
    text: "ab",
  });
  // A new process of the origin counts from one again and is above all of the old one's envelopes.
  const third = run(second.value, envelope(1, "append", "c", 2), envelope(3, "append", "d", 1));
  expect(third).toMatchObject({ told: [{ ok: 3 }, "moved_on"], text: "abc" });
  expect(third.value.applied).toHaveLength(1);
});

test("applied table: a refusal is recorded like any outcome", () => {
  const base = run(blankValue, envelope(1, "write", "0", 1, "n2")).value;
  const refused = run(base, envelope(1, "cas", ["1", "2"]));
  expect(refused.told).toEqual([{ refused: 22 }]);
  const changed = run(refused.value, envelope(2, "write", "1", 1, "n2"));
  const again = run(changed.value, envelope(1, "cas", ["1", "2"]));
  expect(again).toMatchObject({ told: [{ refused: 22 }], text: "1" });
});

test("applied table: equal tables have one representation", () => {
  const a = envelope(1, "write", "a", 1, "n1");
  const b = envelope(1, "write", "a", 1, "n2");
  expect(run(blankValue, a, b).value.applied).toEqual(run(blankValue, b, a).value.applied);
});

test("quorum: members count, each once, and two majorities always meet", () => {
  for (let size = 1; size <= 7; size++) {
    const configuration = firstConfiguration(Array.from({ length: size }, (_, i) => `n${i}`));
    expect(2 * majorityOf(configuration)).toBeGreaterThan(size);
    const votes = new Votes(configuration);
    expect(votes.add("stranger")).toBe(false);
    for (let i = 0; i < size; i++) {
      expect(votes.add(`n${i}`)).toBe(true);
      expect(votes.add(`n${i}`)).toBe(false);
      expect(votes.isMajority).toBe(2 * (i + 1) > size);
    }
  }
});

test("home: the first member in the register's order that is neither suspected nor avoided", () => {
  const timing = { ...defaultTiming, suspectMs: 100 };
  const nodes = ["n1", "n2", "n3", "n4", "n5"];
  const options = { self: "n1", configuration: firstConfiguration(nodes), votes: true, timing };
  const orders = Array.from("abcdefghijklmnopqrstuvwxyz", (name) => {
    const peers = new Peers(options, new Agenda(), () => {});
    peers.ran(0);
    const order: string[] = [];
    const followers: string[] = [];
    // One after the other falls silent; this node never takes itself for silent.
    for (let now = 1000; order.at(-1) !== "n1"; now += 1000) {
      for (const node of nodes) if (!order.includes(node)) peers.heard(now, node, 1, true);
      order.push(peers.homeOf(name, now, undefined));
      followers.push(peers.homeOf(name, now, order.at(-1)));
    }
    expect(new Set(order).size).toBe(order.length);
    // Who comes next when the home is avoided is who comes next when it is silent.
    expect(followers.slice(0, -1)).toEqual(order.slice(1));
    return order;
  });
  expect(new Set(orders.map(([first]) => first)).size).toBeGreaterThan(2);
  // Of some register this node is the last, in whatever order the members are listed.
  expect(orders.filter(({ length }) => length === nodes.length).length).toBeGreaterThan(1);
});

test("agenda: jobs come up in order, once, and a moved job at its last time", () => {
  const agenda = new Agenda();
  const seen: string[] = [];
  const newJob = (name: string, onDue: (now: number) => void = () => {}): Job => ({
    dueMs: Number.POSITIVE_INFINITY,
    queuedMs: Number.POSITIVE_INFINITY,
    onDue(now) {
      seen.push(`${name}@${now}`);
      onDue(now);
    },
  });
  const [later, sooner, never] = [newJob("later"), newJob("sooner"), newJob("never")];
  const again: Job = newJob("again", (now) => agenda.set(again, now));
  agenda.set(later, 5);
  agenda.set(later, 20);
  agenda.set(sooner, 30);
  agenda.set(sooner, 10);
  agenda.set(never, 1);
  agenda.set(never, Number.POSITIVE_INFINITY);
  for (const now of [1, 5, 10, 20, 30]) {
    expect(agenda.nextDueMs()).toBeLessThanOrEqual(now === 30 ? 30 : 20);
    agenda.run(now);
  }
  expect(seen).toEqual(["sooner@10", "later@20"]);
  agenda.set(again, 40);
  agenda.run(40); // It sets itself to the present moment, yet the tick ends.
  expect(seen).toEqual(["sooner@10", "later@20", "again@40"]);
  expect(agenda.nextDueMs()).toBeGreaterThan(40);
});
