// Ways to cut a network. A cut says for every node whom it does not hear; from it follows which
// nodes sit on the majority side: those that hear, and are heard by, enough nodes to form a
// majority with them.

import type { Prng } from "../src/base/prng.js";

export const partitionKinds = ["halves", "majority", "isolated", "one-way", "ring"] as const;
export type PartitionKind = (typeof partitionKinds)[number];

export interface Cut {
  readonly kind: PartitionKind;
  /** For people: who is apart from whom. */
  readonly description: string;
  /** Node -> the nodes it does not hear. */
  readonly deaf: ReadonlyMap<string, ReadonlySet<string>>;
  readonly majoritySide: ReadonlySet<string>;
}

/** Draws a cut, or undefined where there is nothing to cut (fewer than two nodes). */
export function drawCut(
  kind: PartitionKind,
  nodeIds: readonly string[],
  random: Prng,
): Cut | undefined {
  if (nodeIds.length < 2) return undefined;
  const { deaf, description } = shapes[kind](random.shuffle([...nodeIds]), random);
  return { kind, description, deaf, majoritySide: majoritySideOf(nodeIds, deaf) };
}

interface Shape {
  readonly deaf: Map<string, Set<string>>;
  readonly description: string;
}

/** Each is given the nodes in random order. */
const shapes: Record<PartitionKind, (shuffled: string[], random: Prng) => Shape> = {
  halves: (nodes) => split(nodes, Math.floor(nodes.length / 2)),
  majority: (nodes, random) => split(nodes, random.between(1, Math.max(1, minorityMax(nodes)))),
  isolated: (nodes) => split(nodes, 1),
  "one-way": (nodes, random) => oneWay(nodes, random),
  ring: (nodes) => ring(nodes),
};

const minorityMax = (nodes: readonly string[]): number => Math.ceil(nodes.length / 2) - 1;

/** The first `count` nodes and the rest hear nothing of each other. */
function split(nodes: readonly string[], count: number): Shape {
  const [few, many] = [nodes.slice(0, count), nodes.slice(count)];
  const deaf = new Map<string, Set<string>>();
  for (const id of few) deaf.set(id, new Set(many));
  for (const id of many) deaf.set(id, new Set(few));
  return { deaf, description: `${names(few)} | ${names(many)}` };
}

/** One side hears the other but is not heard by it. */
function oneWay(nodes: readonly string[], random: Prng): Shape {
  const count = Math.floor(nodes.length / 2);
  const [few, many] = [nodes.slice(0, count), nodes.slice(count)];
  const [heard, unheard] = random.chance(0.5) ? [few, many] : [many, few];
  const deaf = new Map(heard.map((id) => [id, new Set(unheard)]));
  return { deaf, description: `${names(heard)} does not hear ${names(unheard)}` };
}

/**
 * Every node hears a majority, no two the same one: each hears its nearest neighbours on a ring.
 * Three nodes have no such ring; there the one in the middle hears both others, which do not hear
 * each other.
 */
function ring(nodes: readonly string[]): Shape {
  const count = nodes.length;
  if (count === 2) return split(nodes, 1);
  const reach = Math.ceil(Math.floor(count / 2) / 2);
  const isApart = (a: number, b: number): boolean => {
    if (count === 3) return a !== 1 && b !== 1;
    const distance = Math.abs(a - b);
    return Math.min(distance, count - distance) > reach;
  };
  const deaf = new Map(
    nodes.map((id, a) => [id, new Set(nodes.filter((_, b) => a !== b && isApart(a, b)))]),
  );
  return { deaf, description: `ring ${nodes.join(" ")}` };
}

const names = (nodes: readonly string[]): string => [...nodes].sort(byNumber).join(" ");
const byNumber = (a: string, b: string): number => Number(a.slice(1)) - Number(b.slice(1));

function majoritySideOf(nodeIds: readonly string[], deaf: Cut["deaf"]): Set<string> {
  const majority = Math.floor(nodeIds.length / 2) + 1;
  const hears = (a: string, b: string): boolean => deaf.get(a)?.has(b) !== true;
  const isConnected = (id: string): boolean =>
    nodeIds.filter((other) => hears(id, other) && hears(other, id)).length >= majority;
  return new Set(nodeIds.filter(isConnected));
}
