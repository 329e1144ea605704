// An acceptor that lost its state votes again only under a later configuration and after it has
// copied enough (consensus-rules 15); how the configuration itself is chosen.

import { expect, test } from "vitest";
import { fromUtf8, utf8 } from "../../src/base/bytes.js";
import { Acceptor } from "../../src/consensus/acceptor.js";
import { zeroBallot } from "../../src/consensus/ballot.js";
import {
  type Configuration,
  firstConfiguration,
  newConfiguration,
} from "../../src/consensus/configuration.js";
import {
  changeConfiguration,
  decodeConfiguration,
  encodeConfiguration,
  withMember,
} from "../../src/consensus/configuring.js";
import type { AcceptorRecord } from "../../src/consensus/records.js";
import { Cluster } from "./harness.js";
import { begin, call, count } from "./stories.js";

const settle = (cluster: Cluster, ms = 400): void => cluster.run(cluster.nowMs + ms);

/** Of three nodes, n2 and n3 choose a value that n1 has not seen; then n3 loses its memory. */
function lostMemory(): Cluster {
  const cluster = new Cluster({ nodeCount: 3 });
  cluster.partition(["n1"], ["n2", "n3"]);
  settle(cluster);
  expect(call(cluster, "n2", "r", "write", "chosen")).toBe("ok");
  cluster.node("n3").crash({ loseState: true });
  cluster.node("n3").start();
  cluster.heal();
  return cluster;
}

/** The members choose n3 in its new incarnation. */
function readmit(cluster: Cluster): void {
  const { stateIncarnation } = cluster.node("n3");
  const next = withMember(cluster.node("n1").registers.configuration, "n3", stateIncarnation);
  for (const id of ["n1", "n2"]) cluster.node(id).registers.adopt(cluster.nowMs, next);
  cluster.node("n3").registers.ask(cluster.nowMs, "n1");
}

test("readmission: a node that copied what the others hold makes a majority with either", () => {
  const cluster = lostMemory();
  readmit(cluster);
  settle(cluster);
  expect(cluster.node("n3").registers.votes).toBe(true);
  cluster.partition(["n1", "n3"], ["n2"]);
  settle(cluster);
  expect(call(cluster, "n1", "r", "read")).toBe("chosen");
  expect(call(cluster, "n3", "r", "append", "+")).toBe(7);
  expect(cluster.monitor.violations).toEqual([]);
});

test("readmission: what one member holds is not enough, so nobody votes before both have given", () => {
  // n1 lacks what n2 and the lost n3 have chosen: a copy of n1 alone would forget it.
  const cluster = lostMemory();
  cluster.filter = (from, to, { body }) => body.type !== "copy" || from !== "n3" || to !== "n2";
  readmit(cluster);
  settle(cluster, 1_000);
  expect(cluster.node("n3").registers.votes).toBe(false);
  cluster.partition(["n1", "n3"], ["n2"]);
  settle(cluster, 600);
  expect(call(cluster, "n1", "r", "read")).toBe("temporarily_unavailable");
  cluster.heal();
  cluster.filter = () => true;
  settle(cluster, 1_500);
  expect(cluster.node("n3").registers.votes).toBe(true);
  expect(call(cluster, "n3", "r", "read")).toBe("chosen");
});

test("readmission: a member that was named does not vote while it copies", () => {
  const cluster = lostMemory();
  const votes = count(cluster, "accepted", "promise");
  cluster.filter = (_from, _to, { body }) => body.type !== "copy_ok";
  readmit(cluster);
  settle(cluster);
  cluster.partition(["n1", "n3"], ["n2"]);
  settle(cluster, 600);
  const before = votes();
  begin(cluster, "n1", "r", "write", "other");
  settle(cluster, 1_000);
  expect(votes() - before).toBe(0);
  expect(cluster.node("n3").registers.votes).toBe(false);
});

test("readmission: a source that does not vote itself has nothing to give", () => {
  const cluster = new Cluster({ nodeCount: 3 });
  expect(call(cluster, "n1", "r", "write", "chosen")).toBe("ok");
  for (const id of ["n2", "n3"]) {
    cluster.node(id).crash({ loseState: true });
    cluster.node(id).start();
  }
  // Two of three are gone: the majority is lost, and they must not make one of each other.
  const next = newConfiguration(2, [
    { node: "n1", incarnation: 1 },
    { node: "n2", incarnation: cluster.node("n2").stateIncarnation },
    { node: "n3", incarnation: cluster.node("n3").stateIncarnation },
  ]);
  for (const { registers } of cluster.nodes) registers.adopt(cluster.nowMs, next);
  settle(cluster, 2_000);
  expect(cluster.node("n2").registers.votes).toBe(false);
  expect(cluster.node("n3").registers.votes).toBe(false);
});

test("readmission: a member in addition copies from a majority of the old ones, wherever a value is", () => {
  for (const away of ["n1", "n2", "n3"]) {
    const configuration = firstConfiguration(["n1", "n2", "n3"]);
    const cluster = new Cluster({ nodeCount: 4, configuration });
    cluster.partition(["n1", "n4"], ["n2", "n3"]);
    settle(cluster);
    expect(call(cluster, "n2", "r", "write", "chosen")).toBe("ok");
    cluster.heal();
    // One of the three is lost in the moment in which the fourth is admitted.
    const rest = ["n1", "n2", "n3"].filter((id) => id !== away);
    cluster.node(away).crash({ loseState: true });
    const next = withMember(configuration, "n4", 1);
    for (const id of rest) cluster.node(id).registers.adopt(cluster.nowMs, next);
    cluster.node("n4").registers.ask(cluster.nowMs, rest[0]!);
    settle(cluster);
    expect(cluster.node("n4").registers.votes).toBe(true);
    expect(call(cluster, "n4", "r", "read")).toBe("chosen");
    expect(cluster.monitor.violations).toEqual([]);
  }
});

test("readmission: of four members who replaces a lost one copies from all three others", () => {
  // Five nodes chose what n4 and n5 have not seen. n1 leaves, so of four only n2 and n3 have it.
  const cluster = new Cluster({ nodeCount: 5 });
  cluster.partition(["n1", "n2", "n3"], ["n4", "n5"]);
  settle(cluster);
  expect(call(cluster, "n2", "r", "write", "chosen")).toBe("ok");
  cluster.node("n1").crash({ loseState: false });
  cluster.node("n3").crash({ loseState: true });
  cluster.node("n3").start();
  const four = withMember(cluster.configuration, "n1", undefined);
  const next = withMember(four, "n3", cluster.node("n3").stateIncarnation);
  for (const id of ["n2", "n4", "n5"]) cluster.node(id).registers.adopt(cluster.nowMs, next);
  cluster.partition(["n3", "n4", "n5"], ["n2"]);
  cluster.node("n3").registers.adopt(cluster.nowMs, next);
  settle(cluster, 1_000);
  expect(cluster.node("n3").registers.votes).toBe(false);
  cluster.heal();
  settle(cluster, 1_000);
  cluster.partition(["n3", "n4", "n5"], ["n2"]);
  settle(cluster);
  expect(call(cluster, "n4", "r", "read")).toBe("chosen");
});

test("removal: two of three go one after the other, and the third learns what only they knew", () => {
  const cluster = new Cluster({ nodeCount: 3 });
  cluster.partition(["n1", "n2"], ["n3"]);
  settle(cluster);
  expect(call(cluster, "n2", "r", "write", "chosen")).toBe("ok");
  cluster.heal();
  const adopt = (next: Configuration): void => {
    for (const { registers } of cluster.nodes) registers.adopt(cluster.nowMs, next);
  };
  // Nobody takes the past for known before it was copied.
  cluster.filter = (_from, _to, { body }) => body.type !== "copy_ok";
  const two = withMember(cluster.configuration, "n1", undefined);
  adopt(two);
  settle(cluster);
  expect(cluster.nodes.map(({ registers }) => registers.isSettled)).not.toContain(true);
  expect(cluster.node("n3").registers.votes).toBe(true);
  cluster.filter = () => true;
  expect(call(cluster, "n3", "other", "write", "x")).toBe("ok");
  settle(cluster, 600);
  for (const id of ["n2", "n3"]) expect(cluster.node(id).registers.isSettled).toBe(true);
  adopt(withMember(two, "n2", undefined));
  settle(cluster);
  expect(call(cluster, "n3", "r", "read")).toBe("chosen");
  expect(cluster.monitor.violations).toEqual([]);
});

test("removal: what is copied beside voting is the past alone", () => {
  // n3 has promised a later ballot of this epoch: an earlier vote of it is not to be taken over.
  const acceptor = new Acceptor(() => 0);
  const vote = (epoch: number, round: number, text: string): AcceptorRecord => {
    const ballot = { ...zeroBallot, epoch, round };
    const value = { state: utf8(text), applied: [], floor: zeroBallot };
    return { kind: "accepted", register: "r", ballot, next: ballot, value };
  };
  const held = (): string | undefined => {
    const record = acceptor.recordOf("r");
    return record?.kind === "accepted" ? fromUtf8(record.value.state) : undefined;
  };
  const later = { ...zeroBallot, epoch: 2, round: 9 };
  acceptor.onPrepare({ type: "prepare", register: "r", ballot: later, known: undefined });
  acceptor.learn(vote(2, 5, "of the present"), 2);
  expect(held()).toBeUndefined();
  acceptor.learn(vote(1, 7, "of the past"), 2);
  expect(held()).toBe("of the past");
  acceptor.learn(vote(1, 6, "older"), 2);
  expect(held()).toBe("of the past");
});

test("readmission: a node that restarts while it copies goes on copying", () => {
  const cluster = lostMemory();
  cluster.filter = (_from, _to, { body }) => body.type !== "copy_ok";
  readmit(cluster);
  settle(cluster);
  expect(cluster.node("n3").registers.votes).toBe(false);
  cluster.node("n3").crash({ loseState: false });
  cluster.node("n3").start();
  cluster.filter = () => true;
  expect(call(cluster, "n1", "r", "read")).toBe("chosen");
  settle(cluster, 1_000);
  expect(cluster.node("n3").registers.votes).toBe(true);
  expect(call(cluster, "n3", "r", "read")).toBe("chosen");
});

test("readmission: a state of many registers comes in pages", () => {
  const cluster = lostMemory();
  for (let i = 0; i < 300; i++) call(cluster, "n1", `many${i}`, "write", "x".repeat(4_000));
  const pages = count(cluster, "copy_ok");
  readmit(cluster);
  settle(cluster, 2_000);
  expect(pages()).toBeGreaterThan(6);
  expect(cluster.node("n3").registers.votes).toBe(true);
  cluster.partition(["n1", "n3"], ["n2"]);
  settle(cluster);
  for (const i of [0, 150, 299])
    expect(call(cluster, "n3", `many${i}`, "read")).toHaveLength(4_000);
});

test("readmission: with its log a node goes on in its configuration, as ready as it was", () => {
  const cluster = lostMemory();
  readmit(cluster);
  settle(cluster);
  cluster.node("n3").crash({ loseState: false });
  cluster.node("n3").start();
  expect(cluster.node("n3").registers.configuration.epoch).toBe(2);
  expect(cluster.node("n3").registers.votes).toBe(true);
});

test("configuring: an epoch has one successor, whoever asks first", () => {
  const first = newConfiguration(1, [{ node: "n1", incarnation: 1 }]);
  const two = encodeConfiguration(withMember(first, "n2", 5));
  const three = encodeConfiguration(withMember(first, "n3", 6));
  const { state, outcomes } = changeConfiguration(new Uint8Array(0), [two, three]);
  for (const outcome of [state, ...outcomes])
    expect(decodeConfiguration(outcome).members.map(({ node }) => node)).toEqual(["n1", "n2"]);
  const next = encodeConfiguration(withMember(decodeConfiguration(state), "n1", undefined));
  expect(decodeConfiguration(changeConfiguration(state, [next]).state)).toEqual(
    newConfiguration(3, [{ node: "n2", incarnation: 5 }], "shrunk"),
  );
  const garbage = changeConfiguration(state, [new Uint8Array([9, 9])]);
  expect(garbage.changed).toBe(false);
});
