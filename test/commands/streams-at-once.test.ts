// Streams that three nodes write at once: what each shows is what an oracle says that knows only
// who saw what, and when all have heard all they hold the same, to the byte.

import fc from "fast-check";
import { expect, test } from "vitest";
import { streamCommand } from "./generator.js";
import type { Answer } from "./harness.js";
import { Cluster } from "./zset-replicas.js";

interface Step {
  readonly node: number;
  readonly kind: "add" | "mark" | "remove" | "trim" | "settle";
  readonly at: number;
}

/** An entry as the oracle knows it: an id, the node that made it, and what it says. */
interface Made {
  readonly ms: number;
  readonly seq: bigint;
  readonly node: number;
  readonly text: string;
}

const order = (a: Made, b: Made): number => a.ms - b.ms || Number(a.seq - b.seq) || a.node - b.node;

const step: fc.Arbitrary<Step> = fc.record({
  node: fc.integer({ min: 1, max: 3 }),
  kind: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom("add" as const, "mark" as const) },
    { weight: 3, arbitrary: fc.constantFrom("remove" as const, "settle" as const) },
    { weight: 1, arbitrary: fc.constant("trim" as const) },
  ),
  at: fc.nat({ max: 300 }),
});

const shared = (): Cluster => {
  const cluster = new Cluster(3);
  for (const { keyspace } of cluster.replicas) keyspace.isShared = true;
  return cluster;
};

const shown = (cluster: Cluster, node: number, key = "s"): string[] =>
  (cluster.on(node, `xrange ${key} - +`) as [string, string[]][]).map(
    ([id, [, text]]) => `${id} ${text}`,
  );

class Oracle {
  readonly #known: Set<Made>[] = [new Set(), new Set(), new Set()];
  readonly #removed = new Set<Made>();
  #count = 0;

  nextText(): string {
    return `t${++this.#count}`;
  }

  add(node: number, id: string, text: string): void {
    const [ms, seq] = id.split("-");
    this.#known[node - 1]!.add({ ms: Number(ms), seq: BigInt(seq!), node, text });
  }

  remove(node: number, isGone: (made: Made, place: number) => boolean): number {
    const known = this.#known[node - 1]!;
    const gone = this.sorted(node).filter(isGone);
    for (const made of gone) {
      known.delete(made);
      this.#removed.add(made);
    }
    return gone.length;
  }

  sorted(node: number): Made[] {
    return [...this.#known[node - 1]!].sort(order);
  }

  settle(): void {
    const all = new Set(this.#known.flatMap((known) => [...known]));
    for (const made of this.#removed) all.delete(made);
    for (const known of this.#known) for (const made of all) known.add(made);
    for (const known of this.#known) for (const made of this.#removed) known.delete(made);
  }

  text(node: number): string[] {
    return this.sorted(node).map(({ ms, seq, text }) => `${ms}-${seq} ${text}`);
  }
}

function act(cluster: Cluster, oracle: Oracle, { node, kind, at }: Step): void {
  if (kind === "settle") {
    cluster.settle();
    oracle.settle();
  } else if (kind === "add" || kind === "mark") {
    const text = oracle.nextText();
    const id = kind === "add" ? `${at}-1` : `${at}-*`;
    const answer = cluster.on(node, `xadd s ${id} f ${text}`) as Answer;
    if (typeof answer === "string") oracle.add(node, answer, text);
  } else if (kind === "remove") {
    const [victim] = oracle.sorted(node).slice(at % 7);
    if (victim === undefined) return;
    const { ms, seq } = victim;
    expect(cluster.on(node, `xdel s ${ms}-${seq}`)).toBe(1);
    oracle.remove(node, (made) => made.ms === ms && made.seq === seq);
  } else {
    const before = oracle.sorted(node).length;
    const gone = oracle.remove(node, (_, place) => place < before - (at % 9));
    expect(cluster.on(node, `xtrim s maxlen ${at % 9}`)).toBe(gone);
  }
}

test("streams at once: each node shows what the oracle says, and all agree in the end", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const cluster = shared();
      const oracle = new Oracle();
      for (const each of steps) {
        act(cluster, oracle, each);
        expect(shown(cluster, each.node)).toEqual(oracle.text(each.node));
      }
      cluster.settle();
      oracle.settle();
      for (const node of [1, 2, 3]) expect(shown(cluster, node)).toEqual(oracle.text(node));
      const [first, ...others] = cluster.replicas.map((replica) => replica.dump());
      for (const other of others) expect(other).toEqual(first);
      for (const { keyspace } of cluster.replicas) keyspace.verifyInvariants();
    }),
    { numRuns: 25 },
  );
});

test("streams at once: who only listens holds what the writer holds, its groups too", () => {
  fc.assert(
    fc.property(fc.array(streamCommand, { maxLength: 60, size: "max" }), (lines) => {
      const cluster = new Cluster(2);
      const [writer, listener] = cluster.replicas;
      lines.forEach((line, i) => {
        writer!.bench.runInBatch(...line);
        if (i % 3 === 0) cluster.settle();
      });
      cluster.settle();
      expect(listener!.dump()).toEqual(writer!.dump());
      listener!.keyspace.verifyInvariants();
    }),
    { numRuns: 25 },
  );
});

test("streams at once: two entries of one id stay two when the key is renamed, and XDEL takes both", () => {
  const cluster = shared();
  cluster.on(1, "xadd s 5-1 f one");
  cluster.on(2, "xadd s 5-1 f two");
  cluster.settle();
  cluster.on(3, "rename s t");
  cluster.settle();
  for (const node of [1, 2, 3]) {
    expect(shown(cluster, node, "t")).toEqual(["5-1 one", "5-1 two"]);
    expect(cluster.on(node, "xlen t")).toBe(2);
  }
  expect(cluster.on(1, "xdel t 5-1")).toBe(1);
  cluster.settle();
  expect(cluster.on(2, "xlen t")).toBe(0);
});

test("streams at once: the last id is the highest of what both wrote, also after both were removed", () => {
  const cluster = shared();
  cluster.on(1, "xadd s 5-1 f one");
  cluster.on(2, "xadd s 9-1 f two");
  cluster.settle();
  cluster.on(3, "xtrim s maxlen 0");
  cluster.settle();
  const refused = { error: expect.stringContaining("equal or smaller") };
  expect(cluster.on(1, "xadd s 9-1 f again")).toEqual(refused);
  expect(cluster.on(1, "xadd s 9-2 f again")).toBe("9-2");
});
