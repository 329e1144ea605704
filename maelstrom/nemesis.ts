// The fault injector. Its whole plan (which fault begins and ends when, whom it strikes) is drawn
// from the seed before the run; carrying it out is the only thing that depends on real time.
//
// As in Jepsen each fault alternates between beginning and ending, `interval` apart on average, 0
// to twice the interval in fact. Ours draws one moment in each stretch of `interval` instead of
// drawing distances, so that 60 s at an interval of 3 s always have twenty moments: ten faults,
// each ended again.

import type { Prng } from "../src/base/prng.js";
import { type Cut, drawCut, partitionKinds } from "./partitions.js";

export const faultNames = ["partition", "kill", "pause", "loss", "duplicate"] as const;
export type FaultName = (typeof faultNames)[number];

export type FaultStep =
  | { readonly kind: "cut"; readonly cut: Cut }
  | { readonly kind: "heal" }
  | { readonly kind: "kill"; readonly nodes: readonly string[] }
  | { readonly kind: "restart"; readonly nodes: readonly string[] }
  | { readonly kind: "pause"; readonly nodes: readonly string[] }
  | { readonly kind: "resume"; readonly nodes: readonly string[] }
  | { readonly kind: "lose"; readonly chance: number }
  | { readonly kind: "duplicate"; readonly chance: number };

export interface PlannedStep {
  /** Milliseconds from the start of the workload. */
  readonly atMs: number;
  readonly step: FaultStep;
}

export interface NemesisOptions {
  readonly faults: readonly FaultName[];
  readonly intervalMs: number;
  readonly timeLimitMs: number;
  readonly nodeIds: readonly string[];
}

/**
 * Every step of the run in order. What still lasts at the time limit is ended by `healingSteps`.
 */
export function planFaults(options: NemesisOptions, random: Prng): PlannedStep[] {
  // Each fault has a generator of its own, drawn in a fixed order: adding a fault leaves the others
  // alone.
  const generators = new Map(faultNames.map((name) => [name, random.fork()]));
  return faultNames
    .filter((name) => options.faults.includes(name))
    .flatMap((name) => planFault(name, options, generators.get(name)!))
    .sort((a, b) => a.atMs - b.atMs);
}

function planFault(name: FaultName, options: NemesisOptions, random: Prng): PlannedStep[] {
  const { intervalMs, timeLimitMs, nodeIds } = options;
  const steps: PlannedStep[] = [];
  let ending: FaultStep | undefined;
  for (let start = 0; start < timeLimitMs; start += intervalMs) {
    const atMs = start + random.float() * Math.min(intervalMs, timeLimitMs - start);
    if (ending !== undefined) {
      steps.push({ atMs, step: ending });
      ending = undefined;
      continue;
    }
    const drawn = drawFault[name](nodeIds, random);
    if (drawn === undefined) return [];
    steps.push({ atMs, step: drawn.begin });
    ending = drawn.end;
  }
  return steps;
}

interface Fault {
  readonly begin: FaultStep;
  readonly end: FaultStep;
}

const drawFault: Record<
  FaultName,
  (nodeIds: readonly string[], random: Prng) => Fault | undefined
> = {
  partition(nodeIds, random) {
    const cut = drawCut(random.pick(partitionKinds), nodeIds, random);
    return cut === undefined ? undefined : { begin: { kind: "cut", cut }, end: { kind: "heal" } };
  },
  kill(nodeIds, random) {
    const nodes = drawVictims(nodeIds, random);
    return { begin: { kind: "kill", nodes }, end: { kind: "restart", nodes } };
  },
  pause(nodeIds, random) {
    const nodes = drawVictims(nodeIds, random);
    return { begin: { kind: "pause", nodes }, end: { kind: "resume", nodes } };
  },
  loss(_, random) {
    const chance = random.pick([0.02, 0.1, 0.3]);
    return { begin: { kind: "lose", chance }, end: { kind: "lose", chance: 0 } };
  },
  duplicate(_, random) {
    const chance = random.pick([0.05, 0.2, 0.5]);
    return { begin: { kind: "duplicate", chance }, end: { kind: "duplicate", chance: 0 } };
  },
};

/** One node, or any minority; of one or two nodes, one. */
function drawVictims(nodeIds: readonly string[], random: Prng): string[] {
  const minority = Math.max(1, Math.ceil(nodeIds.length / 2) - 1);
  const count = random.chance(0.5) ? 1 : random.between(1, minority);
  return random
    .shuffle([...nodeIds])
    .slice(0, count)
    .sort();
}

/** What steps act on. */
export interface FaultTarget {
  cut(cut: Cut | undefined): void;
  kill(node: string): void;
  restart(node: string): void;
  pause(node: string): void;
  resume(node: string): void;
  setLossChance(chance: number): void;
  setDuplicateChance(chance: number): void;
}

export function applyStep(step: FaultStep, target: FaultTarget): void {
  switch (step.kind) {
    case "cut":
      target.cut(step.cut);
      break;
    case "heal":
      target.cut(undefined);
      break;
    case "lose":
      target.setLossChance(step.chance);
      break;
    case "duplicate":
      target.setDuplicateChance(step.chance);
      break;
    default:
      for (const node of step.nodes) target[step.kind](node);
  }
}

/** The steps that end whatever the steps taken so far have begun and not ended. */
export function healingSteps(taken: readonly FaultStep[]): FaultStep[] {
  const killed = new Set<string>();
  const paused = new Set<string>();
  for (const step of taken) {
    if (step.kind === "kill") for (const node of step.nodes) killed.add(node);
    if (step.kind === "restart") for (const node of step.nodes) killed.delete(node);
    if (step.kind === "pause") for (const node of step.nodes) paused.add(node);
    if (step.kind === "resume") for (const node of step.nodes) paused.delete(node);
  }
  return [
    { kind: "heal" },
    { kind: "lose", chance: 0 },
    { kind: "duplicate", chance: 0 },
    { kind: "resume", nodes: [...paused] },
    { kind: "restart", nodes: [...killed] },
  ];
}

export function describeStep(step: FaultStep): string {
  switch (step.kind) {
    case "cut":
      return `cut (${step.cut.kind}) ${step.cut.description}`;
    case "heal":
      return "heal";
    case "lose":
    case "duplicate":
      return `${step.kind} ${step.chance * 100} % of the messages between nodes`;
    default:
      return `${step.kind} ${step.nodes.join(" ")}`;
  }
}
