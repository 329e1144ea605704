// Which transaction must come before which, and the cycles that show that no order of them exists.
// Adya's names ("Weak Consistency", 1999): ww, the second overwrote what the first wrote; wr, the
// second read it; rw, the second overwrote what the first had read. To these comes rt, the first
// had ended before the second began. A cycle is named for the weakest promise it breaks:
//   G0 ww only · G1c ww and wr · G-single one rw · G2 more of them · ...-realtime needs rt as well.

import { type Anomaly, nameOf, type Transaction } from "./transactions.js";

export const edgeKinds = { ww: 1, wr: 2, rw: 4, rt: 8 } as const;
export type EdgeKind = keyof typeof edgeKinds;

const { ww, wr, rw, rt } = edgeKinds;

/** From the weakest promise to the strongest. The second number: kinds of which one is enough. */
const cycleNames: readonly (readonly [name: string, kinds: number, once: number])[] = [
  ["G0", ww, 0],
  ["G1c", ww | wr, 0],
  ["G-single", ww | wr, rw],
  ["G2", ww | wr | rw, 0],
  ["G0-realtime", ww | rt, 0],
  ["G1c-realtime", ww | wr | rt, 0],
  ["G-single-realtime", ww | wr | rt, rw],
  ["G2-realtime", ww | wr | rw | rt, 0],
];

export class DependencyGraph {
  readonly #transactions: readonly Transaction[];
  /** Of each transaction: its successors, and by which kinds of edges. */
  readonly #edges: Map<number, number>[];
  readonly #reasons = new Map<string, string>();

  constructor(transactions: readonly Transaction[]) {
    this.#transactions = transactions;
    this.#edges = transactions.map(() => new Map());
  }

  /** @param why for people, kept only if it is the first reason for this edge. */
  add(from: Transaction, to: Transaction, kind: EdgeKind, why: string): void {
    if (from === to) return;
    const edges = this.#edges[from.index]!;
    const known = edges.get(to.index) ?? 0;
    if ((known & edgeKinds[kind]) !== 0) return;
    edges.set(to.index, known | edgeKinds[kind]);
    if (kind !== "rt") this.#reasons.set(`${from.index} ${to.index} ${kind}`, why);
  }

  /** One cycle for each knot of transactions, by the weakest promise that it breaks. */
  cycles(): Anomaly[] {
    const found: Anomaly[] = [];
    const explained = new Set<number>();
    for (const [name, kinds, once] of cycleNames) {
      for (const knot of this.#knots(kinds | once)) {
        if (knot.some((index) => explained.has(index))) continue;
        const cycle = once === 0 ? this.#anyCycle(knot, kinds) : this.#cycleWith(knot, kinds, once);
        if (cycle === undefined) continue;
        for (const index of cycle) explained.add(index);
        found.push({ name, text: this.#describe(cycle, kinds | once) });
      }
    }
    return found;
  }

  /** Strongly connected sets of more than one transaction (Tarjan 1972, without recursion). */
  #knots(kinds: number): number[][] {
    const count = this.#edges.length;
    const order = new Int32Array(count).fill(-1);
    const low = new Int32Array(count);
    const onStack = new Uint8Array(count);
    const stack: number[] = [];
    const knots: number[][] = [];
    let next = 0;
    const enter = (index: number): { index: number; successors: IterableIterator<number> } => {
      order[index] = low[index] = next++;
      onStack[index] = 1;
      stack.push(index);
      return { index, successors: this.#successors(index, kinds) };
    };
    for (let root = 0; root < count; root++) {
      if (order[root] !== -1) continue;
      const path = [enter(root)];
      while (path.length > 0) {
        const { index, successors } = path.at(-1)!;
        const step = successors.next();
        if (step.done !== true) {
          const to = step.value;
          if (order[to] === -1) path.push(enter(to));
          else if (onStack[to] === 1) low[index] = Math.min(low[index]!, order[to]!);
          continue;
        }
        path.pop();
        const parent = path.at(-1);
        if (parent !== undefined) low[parent.index] = Math.min(low[parent.index]!, low[index]!);
        if (low[index] !== order[index]) continue;
        const knot = stack.splice(stack.lastIndexOf(index));
        for (const member of knot) onStack[member] = 0;
        if (knot.length > 1) knots.push(knot);
      }
    }
    return knots;
  }

  *#successors(index: number, kinds: number): IterableIterator<number> {
    for (const [to, mask] of this.#edges[index]!) if ((mask & kinds) !== 0) yield to;
  }

  #anyCycle(knot: readonly number[], kinds: number): number[] | undefined {
    return this.#path(knot[0]!, knot[0]!, kinds, new Set(knot));
  }

  /** A cycle with exactly one edge of the kind `once`. */
  #cycleWith(knot: readonly number[], kinds: number, once: number): number[] | undefined {
    const members = new Set(knot);
    for (const from of knot) {
      for (const to of this.#successors(from, once)) {
        if (!members.has(to)) continue;
        const back = this.#path(to, from, kinds, members);
        if (back !== undefined) return [from, ...back.slice(0, -1)];
      }
    }
    return undefined;
  }

  /** The shortest way along at least one edge; a cycle leaves out its end. */
  #path(
    start: number,
    end: number,
    kinds: number,
    within: ReadonlySet<number>,
  ): number[] | undefined {
    const cameFrom = new Map<number, number>();
    const queue = [start];
    for (const index of queue) {
      for (const to of this.#successors(index, kinds)) {
        if (to === end) {
          const path = start === end ? [] : [end];
          for (let at = index; ; at = cameFrom.get(at)!) {
            path.unshift(at);
            if (at === start) return path;
          }
        }
        if (!within.has(to) || cameFrom.has(to) || to === start) continue;
        cameFrom.set(to, index);
        queue.push(to);
      }
    }
    return undefined;
  }

  #describe(cycle: readonly number[], kinds: number): string {
    return cycle
      .map((from, at) => {
        const to = cycle[(at + 1) % cycle.length]!;
        const mask = this.#edges[from]!.get(to)! & kinds;
        const kind = (Object.keys(edgeKinds) as EdgeKind[]).find(
          (name) => (mask & edgeKinds[name]) !== 0,
        )!;
        const why = this.#reasons.get(`${from} ${to} ${kind}`) ?? "it ended before";
        const [before, after] = [this.#transactions[from]!, this.#transactions[to]!];
        return `${nameOf(before)} -${kind}-> ${nameOf(after)}: ${why}`;
      })
      .join("; ");
  }
}
