// One named test per story of consensus-rules that a cluster can act out. The random histories find
// the rest.

import { expect, test } from "vitest";
import { newConfiguration } from "../../src/consensus/configuration.js";
import { encodeRecord } from "../../src/consensus/records.js";
import { blankValue } from "../../src/consensus/register-value.js";
import { defaultTiming, waitingCountMax } from "../../src/consensus/timing.js";
import { Cluster, type MessageFilter } from "./harness.js";
import { encode } from "./machine.js";
import { begin, call, count, registerAt } from "./stories.js";

const others = (cluster: Cluster, ...ids: readonly string[]): string[] =>
  cluster.nodes.map(({ id }) => id).filter((id) => !ids.includes(id));

const expectSound = (cluster: Cluster): void => expect(cluster.monitor.violations).toEqual([]);

test("warm: a home that was pre-empted prepares again before it accepts", () => {
  // Its promise for the next ballot came with votes that are no longer the last ones (rule 3).
  const cluster = new Cluster({ nodeCount: 5 });
  const register = registerAt(cluster, "n1");
  cluster.partition(["n1"], others(cluster, "n1"));
  cluster.run(cluster.nowMs + 500);
  expect(call(cluster, "n2", register, "write", "from n2")).toBe("ok");
  cluster.heal();
  cluster.run(cluster.nowMs + 500);
  const prepares = count(cluster, "prepare");
  expect(call(cluster, "n1", register, "append", "!")).toBe("from n2!".length);
  expect(prepares()).toBeGreaterThan(0);
  expectSound(cluster);
});

test("warm: an epoch change throws the promise away", () => {
  const cluster = new Cluster({ nodeCount: 3 });
  const register = registerAt(cluster, "n1");
  const prepares = count(cluster, "prepare");
  expect(call(cluster, "n1", register, "write", "warm")).toBe("ok");
  expect(prepares()).toBe(0);
  const next = newConfiguration(2, cluster.configuration.members);
  for (const node of cluster.nodes) node.registers.adopt(cluster.nowMs, next);
  const write = begin(cluster, "n1", register, "write", "cold");
  cluster.run(cluster.nowMs + 10);
  expect(write).toEqual({ told: "ok", ms: 4 });
  expect(prepares()).toBe(2);
});

test("ballot: a process that begins again repeats none of its predecessor", () => {
  // n1's first accept reaches n2 alone; n1 loses its disk, begins at round 1 again and reaches all
  // but n2. With equal ballots n2 would take its own old value for the chosen one (rule 1).
  const cluster = new Cluster({ nodeCount: 5 });
  const register = registerAt(cluster, "n1");
  // It may live anywhere: forwards are lost, so n1 proposes in the end.
  const blank = `${register}-blank`;
  cluster.filter = (from, to, { body }) =>
    body.type !== "forward" && (body.type !== "accept" || from !== "n1" || to === "n2");
  const accepts = count(cluster, "accept");
  begin(cluster, "n1", blank, "write", "first");
  while (accepts() === 0) cluster.run(cluster.nowMs + 1);
  cluster.run(cluster.nowMs + 5);
  cluster.node("n1").crash({ loseState: true });
  cluster.node("n1").start();
  cluster.partition(["n2"], others(cluster, "n2"));
  cluster.run(cluster.nowMs + 400);
  begin(cluster, "n1", blank, "write", "second");
  cluster.filter = (_from, _to, { body }) => body.type !== "forward";
  cluster.run(cluster.nowMs + 1000);
  cluster.heal();
  cluster.filter = () => true;
  cluster.run(cluster.nowMs + 500);
  const values = cluster.nodes.map(({ id }) => call(cluster, id, blank, "read"));
  expect(new Set(values).size).toBe(1);
  expectSound(cluster);
});

test("forward: the home commits, the answer is lost, and the origin does not say 11", () => {
  // "No accept sent by me, so nothing happened" is false once an envelope was forwarded (rule 10).
  const cluster = new Cluster({ nodeCount: 5 });
  const register = registerAt(cluster, "n1");
  const write = begin(cluster, "n2", register, "append", "x");
  cluster.run(cluster.nowMs + 1.5);
  cluster.partition(["n2"], others(cluster, "n2"));
  cluster.run(cluster.nowMs + 1000);
  expect(write.told).toBe("timeout");
  expect(call(cluster, "n1", register, "read")).toBe("0x");
  expectSound(cluster);
});

test("forward: a lost answer is repeated to whoever asks again", () => {
  const cluster = new Cluster({ nodeCount: 5 });
  const register = registerAt(cluster, "n1");
  const drops = dropFirst("forward_ok");
  cluster.filter = drops;
  const write = begin(cluster, "n2", register, "append", "x");
  cluster.run(cluster.nowMs + 150);
  expect(write.told).toBe(2);
  expect(cluster.counters().takeovers).toBe(0);
});

test("takeover: a silent home is replaced under the envelope's own name and nothing runs twice", () => {
  // The home commits, but its answer never arrives; the origin proposes the same envelope again
  // (rule 11).
  const cluster = new Cluster({ nodeCount: 5 });
  const register = registerAt(cluster, "n1");
  const write = begin(cluster, "n2", register, "append", "x");
  cluster.run(cluster.nowMs + 3.5); // The accepts have left the home.
  cluster.partition(["n1"], others(cluster, "n1"));
  cluster.run(cluster.nowMs + 600);
  expect(write.told).toBe(2);
  expect(write.ms).toBeLessThan(400);
  expect(call(cluster, "n3", register, "read")).toBe("0x");
  expect(cluster.counters().storedOutcomes).toBeGreaterThan(0);
  expectSound(cluster);
});

test("takeover: a home that is heard but slow is waited for", () => {
  // Taking over from it would only make a duel (rule 11).
  const cluster = new Cluster({ nodeCount: 5, profile: { delayMs: [80, 80] } });
  const register = registerAt(cluster, "n1");
  const before = cluster.counters().takeovers;
  const write = begin(cluster, "n2", register, "append", "x");
  cluster.run(cluster.nowMs + 700);
  expect(write.told).toBe(2);
  expect(cluster.counters().takeovers).toBe(before);
});

test("takeover: a home that was restarted is not waited for", () => {
  const cluster = new Cluster({ nodeCount: 5 });
  const register = registerAt(cluster, "n1");
  const write = begin(cluster, "n2", register, "append", "x");
  cluster.node("n1").crash({ loseState: false });
  cluster.node("n1").start();
  call(cluster, "n1", "elsewhere", "read"); // Now n2 hears the new process.
  cluster.run(cluster.nowMs + 350);
  expect(write.told).toBe(2);
  expect(write.ms).toBeLessThan(350);
  expectSound(cluster);
});

test("cancel: it fences a forward that is still on its way", () => {
  // The home must not run what it has called refused, however late the forward comes (rule 12).
  const cluster = new Cluster({ nodeCount: 3 });
  const register = registerAt(cluster, "n1");
  let late: (() => void) | undefined;
  cluster.filter = (from, to, message) => {
    if (message.body.type !== "forward") return true;
    late ??= () => cluster.node(to).receive(from, message);
    return false;
  };
  cluster.node("n3").pausedUntilMs = cluster.nowMs + 10_000;
  const refusals = count(cluster, "forward_refused");
  const write = begin(cluster, "n2", register, "append", "x");
  cluster.run(cluster.nowMs + 600);
  expect(cluster.counters().cancelsFenced).toBe(1);
  expect(refusals()).toBe(1);
  late?.();
  cluster.run(cluster.nowMs + 300);
  expect(refusals()).toBe(2);
  expect(write.told).toBe(2); // The origin proposed it after the cancel.
  expect(call(cluster, "n1", register, "read")).toBe("0x");
  expectSound(cluster);
});

test("cancel: a home that was restarted cannot refuse for its predecessor", () => {
  // The old process has committed. The new one knows nothing of it and must not answer (rules 10
  // and 11).
  const cluster = new Cluster({ nodeCount: 5 });
  const register = registerAt(cluster, "n1");
  cluster.filter = (from, to) => ![from, to].includes("n2") || [from, to].includes("n1");
  const write = begin(cluster, "n2", register, "append", "x");
  cluster.run(cluster.nowMs + 2.5);
  cluster.node("n1").crash({ loseState: false });
  cluster.node("n1").start();
  call(cluster, "n1", "elsewhere", "read");
  cluster.run(cluster.nowMs + 800);
  expect(cluster.counters().cancels).toBe(1);
  expect(write.told).toBe("timeout");
  expect(call(cluster, "n3", register, "read")).toBe("0x");
  expectSound(cluster);
});

test("cancel: what was sent is not called refused", () => {
  const cluster = new Cluster({ nodeCount: 3 });
  const register = registerAt(cluster, "n1");
  // The home's accepts get nowhere, so its envelope is neither chosen nor refusable.
  cluster.filter = (from, _to, { body }) => from !== "n1" || body.type !== "accept";
  const refusals = count(cluster, "forward_refused");
  const write = begin(cluster, "n2", register, "append", "x");
  cluster.run(cluster.nowMs + 690);
  expect(cluster.counters().takeovers).toBe(1);
  expect(refusals()).toBe(0);
  expect(write.told).toBe(2);
  expectSound(cluster);
});

test("minority: after the suspicion time operations are refused at once and nothing is sent", () => {
  const cluster = new Cluster({ nodeCount: 5 });
  const register = registerAt(cluster, "n1");
  cluster.partition(["n1", "n2"], ["n3", "n4", "n5"]);
  cluster.run(cluster.nowMs + 400);
  const messages = count(cluster, "prepare", "accept", "read", "forward");
  for (const at of ["n1", "n2"]) {
    for (const f of ["read", "write", "cas"] as const) {
      const refused = begin(cluster, at, register, f, f === "cas" ? ["0", "1"] : "1");
      expect(refused.told).toBe("temporarily_unavailable");
    }
  }
  expect(messages()).toBe(0);
});

test("minority: a home without a majority refuses, and the origin then says 11", () => {
  // n1 has heard nobody for long; n2 still believes in it. Both answers are definite (rules 10 and
  // 13).
  const cluster = new Cluster({ nodeCount: 5 });
  const register = registerAt(cluster, "n1");
  cluster.filter = (from, to) => to !== "n1" || from === "n2";
  cluster.run(cluster.nowMs + 400);
  cluster.partition(["n1", "n2"], ["n3", "n4", "n5"]);
  const write = begin(cluster, "n2", register, "append", "x");
  cluster.run(cluster.nowMs + 800);
  expect(cluster.counters().forwardsRefused).toBeGreaterThan(0);
  expect(write.told).toBe("temporarily_unavailable");
  cluster.heal();
  cluster.filter = () => true;
  cluster.run(cluster.nowMs + 500);
  expect(call(cluster, "n3", register, "read")).toBe("0");
  expectSound(cluster);
});

test("majority: a write succeeds within a second of a cut that takes the home away", () => {
  for (const nodeCount of [3, 5]) {
    const cluster = new Cluster({ nodeCount, profile: { delayMs: [0.5, 5] } });
    const register = registerAt(cluster, "n1");
    cluster.partition(["n1"], others(cluster, "n1"));
    const writes = others(cluster, "n1").map((at) => begin(cluster, at, register, "write", at));
    cluster.run(cluster.nowMs + 500);
    expect(writes.map(({ told }) => told)).toEqual(writes.map(() => "ok"));
    expectSound(cluster);
  }
});

test("lost state: such an acceptor never votes, but its clients are served", () => {
  // A blank acceptor that votes could let a majority forget what it has chosen (rule 15).
  const cluster = new Cluster({ nodeCount: 3 });
  const register = registerAt(cluster, "n1");
  const blank = cluster.node("n3");
  blank.crash({ loseState: true });
  blank.start();
  let votes = 0;
  cluster.filter = (from, _to, { body }) => {
    if (from === "n3" && ["promise", "accepted", "read_ok"].includes(body.type)) votes++;
    return true;
  };
  expect(call(cluster, "n3", register, "append", "x")).toBe(2);
  expect(call(cluster, "n3", register, "read")).toBe("0x");
  cluster.run(cluster.nowMs + 500);
  cluster.node("n2").crash({ loseState: false });
  expect(call(cluster, "n1", register, "append", "y")).not.toBe(3);
  expect(call(cluster, "n3", register, "read")).toBe("temporarily_unavailable");
  expect(votes).toBe(0);
  expectSound(cluster);
});

test("restart: an acceptor with its disk keeps its promises and votes", () => {
  const cluster = new Cluster({ nodeCount: 3, profile: { diskMs: [1, 2] } });
  const register = registerAt(cluster, "n1");
  for (const node of cluster.nodes) node.crash({ loseState: false });
  for (const node of cluster.nodes) node.start();
  expect(call(cluster, "n2", register, "append", "x")).toBe(2);
  expectSound(cluster);
});

test("read: inherited state is not a vote of the new epoch", () => {
  // n2 and n3 accepted 1.13; n1 accepts 1.14, which the lost n4 had promised; the new n4 copied
  // 1.13. Three of five report 1.13, but that chose nothing in this epoch: a later round may adopt
  // 1.14 (rule 8). So the read has to propose what it found, and then the others cannot un-happen
  // it.
  const cluster = new Cluster({ nodeCount: 5 });
  const members = cluster.configuration.members;
  const vote = (round: number, value: string): Uint8Array => {
    const ballot = { epoch: 1, round, node: "n1", incarnation: 1 };
    const state = encode({ value, log: [] });
    const next = { ...ballot, round: round + 1 };
    const applied = { ...blankValue, state };
    return encodeRecord({ kind: "accepted", register: "r", ballot, value: applied, next });
  };
  for (const node of cluster.nodes) {
    node.crash({ loseState: false });
    if (node.id !== "n5") node.remember(node.id === "n1" ? vote(14, "1.14") : vote(13, "1.13"));
    node.start();
    node.registers.adopt(0, newConfiguration(2, members));
  }
  cluster.partition(["n1", "n5"], ["n2", "n3", "n4"]);
  const proposals = count(cluster, "accept");
  expect(call(cluster, "n2", "r", "read")).toBe("1.13");
  expect(proposals()).toBeGreaterThan(0);
  cluster.run(cluster.nowMs + 100);
  cluster.partition(["n1", "n3", "n4"], ["n2", "n5"]);
  cluster.run(cluster.nowMs + 400);
  expect(call(cluster, "n3", "r", "read")).toBe("1.13");
  // Now there are votes of this epoch, and one round trip is enough again.
  const more = count(cluster, "accept");
  expect(call(cluster, "n4", "r", "read")).toBe("1.13");
  expect(more()).toBe(0);
});

test("epoch: whoever is behind learns the configuration before it is heard", () => {
  // Votes of two epochs together choose nothing (rule 16).
  const cluster = new Cluster({ nodeCount: 3 });
  const register = registerAt(cluster, "n1");
  const next = newConfiguration(2, cluster.configuration.members);
  cluster.node("n3").registers.adopt(cluster.nowMs, next);
  const mixed: string[] = [];
  cluster.filter = (from, _to, { epoch, body }) => {
    if (body.type === "accepted" && epoch !== body.ballot.epoch) mixed.push(from);
    return true;
  };
  expect(call(cluster, "n1", register, "append", "x")).toBe(2);
  expect(call(cluster, "n3", register, "append", "y")).toBe(3);
  cluster.run(cluster.nowMs + 500);
  for (const { registers } of cluster.nodes) expect(registers.configuration.epoch).toBe(2);
  expect(mixed).toEqual([]);
  expect(cluster.counters().staleEpochMessages).toBeGreaterThan(0);
});

test("refusal: by a quorum read nothing is proposed, as a write it is recorded", () => {
  const cluster = new Cluster({ nodeCount: 3 });
  const register = registerAt(cluster, "n1");
  const accepts = count(cluster, "accept");
  expect(call(cluster, "n2", register, "cas", ["7", "8"], "conditional")).toBe(22);
  expect(accepts()).toBe(0);
  expect(call(cluster, "n2", register, "cas", ["7", "8"], "write")).toBe(22);
  expect(accepts()).toBe(2);
  expect(call(cluster, "n2", register, "cas", ["0", "8"], "conditional")).toBe("ok");
  expect(call(cluster, "n2", "blank", "cas", ["0", "8"], "conditional")).toBe(20);
});

test("refusal: a second copy of a refused cas is refused too, whatever the state has become", () => {
  // The home refuses; its answer is under way when the origin proposes the same envelope again
  // (rule 6).
  const cluster = new Cluster({ nodeCount: 5 });
  const register = registerAt(cluster, "n1");
  let answer: (() => void) | undefined;
  cluster.filter = (from, to, message) => {
    if (message.body.type === "forward_ok" && to === "n2") {
      answer ??= () => cluster.node(to).receive(from, message);
      return false;
    }
    // The votes for the second copy are a millisecond away: the answer overtakes them.
    if (message.body.type === "accept" && from === "n2")
      cluster.at(cluster.nowMs, () => answer?.());
    return true;
  };
  const cas = begin(cluster, "n2", register, "cas", ["1", "2"], "write");
  cluster.run(cluster.nowMs + 50);
  expect(call(cluster, "n3", register, "write", "1")).toBe("ok");
  cluster.run(cluster.nowMs + 600);
  expect(cluster.counters().takeovers).toBe(1);
  expect(cas.told).toBe(22);
  expect(call(cluster, "n4", register, "read")).toBe("1");
});

test("deadline: what is called unavailable leaves the envelope that others still wait for", () => {
  const cluster = new Cluster({ nodeCount: 3 });
  const register = registerAt(cluster, "n1");
  cluster.node("n1").crash({ loseState: false });
  cluster.node("n1").start(); // Cold again, so no accept leaves without promises.
  cluster.filter = (_from, _to, { body }) => body.type !== "prepare";
  const first = begin(cluster, "n1", register, "append", "a");
  cluster.run(cluster.nowMs + 100);
  const second = begin(cluster, "n1", register, "append", "b");
  cluster.run(cluster.nowMs + 500);
  const third = begin(cluster, "n1", register, "append", "c");
  cluster.run(cluster.nowMs + 250);
  cluster.filter = () => true;
  cluster.run(cluster.nowMs + 500);
  expect(first.told).toBe("temporarily_unavailable");
  expect(second.told).toBe("temporarily_unavailable");
  expect(third.told).toBe(2);
  expect(call(cluster, "n2", register, "read")).toBe("0c");
  expectSound(cluster);
});

test("batching: fifty clients on one hot register share rounds", () => {
  // 231 operations/s without batching at a round trip of 10 ms (rule 9).
  const cluster = new Cluster({ nodeCount: 5, profile: { delayMs: [5, 5], codec: false } });
  const register = registerAt(cluster, "n1");
  const startMs = cluster.nowMs;
  let done = 0;
  const next = (i: number): void => {
    if (cluster.nowMs >= startMs + 1000) return;
    const operation = { id: 1_000_000 + done * 50 + i, f: "write", input: "1" } as const;
    cluster.node(`n${(i % 5) + 1}`).submit(register, operation, "write", ({ kind }) => {
      if (kind === "ok") done++;
      next(i);
    });
  };
  for (let i = 0; i < 50; i++) next(i);
  cluster.run(startMs + 1200);
  expect(done).toBeGreaterThan(1800);
});

test("bounds: one operation too many on a register is refused at once", () => {
  const cluster = new Cluster({ nodeCount: 3, profile: { codec: false } });
  const register = registerAt(cluster, "n1");
  let refused = 0;
  for (let id = 0; id < waitingCountMax + 10; id++) {
    const operation = { id: 2_000_000 + id, f: "write", input: "1" } as const;
    cluster.node("n2").submit(register, operation, "write", ({ kind }) => {
      if (kind === "error") refused++;
    });
  }
  expect(refused).toBe(9); // One left with the first envelope.
  cluster.run(cluster.nowMs + 1000);
  expect(refused).toBe(9);
});

test("pause: a node that stood still does not take its own pause for the others' silence", () => {
  const cluster = new Cluster({ nodeCount: 3 });
  const register = registerAt(cluster, "n1");
  cluster.node("n2").pausedUntilMs = cluster.nowMs + 5000;
  cluster.filter = (_from, to) => to !== "n2"; // Nothing waits for it when it wakes.
  cluster.run(cluster.nowMs + 4999);
  cluster.filter = () => true;
  cluster.run(cluster.nowMs + 1);
  expect(call(cluster, "n2", register, "append", "x")).toBe(2);
});

test("idle: a cluster that nobody uses says nothing, and one that was used falls silent", () => {
  const cluster = new Cluster({ nodeCount: 5 });
  cluster.run(60_000);
  expect(cluster.messageCount).toBe(0);
  expect(call(cluster, "n1", "r", "write", "1")).toBe("ok");
  cluster.run(cluster.nowMs + defaultTiming.inUseMs + 1000);
  const later = count(cluster, "heartbeat");
  cluster.run(cluster.nowMs + 60_000);
  expect(later()).toBe(0);
  expect(call(cluster, "n3", "r", "read")).toBe("1");
});

test("unknown incarnation: such a process serves nothing", () => {
  const cluster = new Cluster({ nodeCount: 3 });
  const node = cluster.node("n2");
  node.crash({ loseState: true });
  node.incarnation = -1;
  node.start();
  expect(begin(cluster, "n2", "r", "read").told).toBe("temporarily_unavailable");
  expect(begin(cluster, "n2", "r", "write", "1").told).toBe("temporarily_unavailable");
});

/** Drops the first message of a type. */
function dropFirst(type: string): MessageFilter {
  let isDropped = false;
  return (_from, _to, { body }) => {
    if (isDropped || body.type !== type) return true;
    isDropped = true;
    return false;
  };
}
