// The configurations that are explored, each with the number of states that it must have: another
// number means that something became reachable, or unreachable, and wants a look. Beside every
// "always" of a world stand the situations that must have been met for it to say anything.

import type { LatticeName } from "../../src/lattice/registry.js";
import { type ExploreOptions, explore, type World } from "../../src/sim/explorer.js";
import { type ConsensusScope, ConsensusWorld } from "./consensus.js";
import { type DeltaScope, DeltaWorld } from "./deltas.js";
import { LatticeWorld, latticeNames, menus } from "./lattices.js";

export interface Scope extends ExploreOptions {
  readonly name: string;
  readonly start: () => World;
  /** How many states there are within the bounds. */
  readonly states: number;
  readonly sometimes: readonly string[];
  /** Part of `npm test`; the others run by `npm run explore`. */
  readonly isQuick: boolean;
}

/** States of three replicas that write twice or thrice in all, by the length of their menu. */
const latticeStates = {
  2: { 2: 469, 3: 1036, 4: 1825 },
  3: { 2: 7757, 3: 25633, 4: 60129 },
} as const;

const latticeScope = (name: LatticeName, writes: 2 | 3): Scope => ({
  name: `${name}, ${writes} writes`,
  start: () => new LatticeWorld(name, writes),
  states: latticeStates[writes][menus[name].length as 2 | 3 | 4],
  sometimes: ["concurrent", "written in view", "all have seen all"],
  isQuick: writes === 2,
});

const deltaScope = (
  scope: DeltaScope,
  states: number,
  isQuick: boolean,
  options: ExploreOptions = {},
): Scope => ({
  name:
    `deltas: ${scope.replicaCount} replicas, ${scope.writesMax} of ${scope.kinds.join(" ")}` +
    `${scope.hasStates ? ", whole states" : ""}`,
  start: () => new DeltaWorld(scope),
  states,
  sometimes: [
    ...["a batch is applied", "a batch is duplicate", "a batch is gap", "replicas differ"],
    ...(scope.hasStates ? ["a state brings news"] : []),
  ],
  isQuick,
  ...options,
});

const consensusScope = (
  scope: ConsensusScope,
  states: number,
  sometimes: readonly string[],
  isQuick: boolean,
  options: ExploreOptions = {},
): Scope => ({
  name:
    `registers: ${scope.operations.join(" and ")}, ${scope.dropsMax} lost, ` +
    `${scope.crashesMax} crashes, ${scope.ticksMax} timers` +
    `${options.depthMax === undefined ? "" : `, ${options.depthMax} steps`}`,
  start: () => new ConsensusWorld(scope),
  states,
  sometimes: ["a value is chosen", "an operation succeeds", ...sometimes],
  isQuick,
  ...options,
});

const texts = ["set", "increment", "delete"] as const;
const members = ["add", "remove", "delete"] as const;
const two = "two values are chosen, one after the other";
const noFaults = { dropsMax: 0, crashesMax: 0, ticksMax: 0 };

export const scopes: readonly Scope[] = [
  ...latticeNames.map((name) => latticeScope(name, 2)),
  deltaScope({ replicaCount: 2, kinds: texts, writesMax: 2, hasStates: true }, 222, true),
  deltaScope({ replicaCount: 3, kinds: members, writesMax: 2, hasStates: false }, 349, true),
  consensusScope({ operations: ["append", "append"], ...noFaults }, 1814, [two], true),
  consensusScope(
    { operations: ["append", "append"], dropsMax: 0, crashesMax: 1, ticksMax: 0 },
    893,
    ["a node forgets", "a node comes back with its disk"],
    true,
    { depthMax: 8 },
  ),
  ...latticeNames.map((name) => latticeScope(name, 3)),
  deltaScope({ replicaCount: 3, kinds: texts, writesMax: 2, hasStates: true }, 3358, false),
  deltaScope({ replicaCount: 2, kinds: texts, writesMax: 3, hasStates: true }, 3270, false),
  deltaScope({ replicaCount: 2, kinds: members, writesMax: 3, hasStates: true }, 1542, false),
  consensusScope(
    { operations: ["append", "append"], dropsMax: 0, crashesMax: 1, ticksMax: 0 },
    10_482,
    ["a node forgets", "a node comes back with its disk", two],
    false,
  ),
  consensusScope(
    { operations: ["append", "read"], dropsMax: 1, crashesMax: 0, ticksMax: 1 },
    7389,
    [],
    false,
    { depthMax: 10 },
  ),
  consensusScope(
    { operations: ["append", "cas"], dropsMax: 1, crashesMax: 0, ticksMax: 2 },
    24_738,
    [],
    false,
    { depthMax: 10 },
  ),
];

export interface Finding {
  readonly lines: readonly string[];
  readonly isGood: boolean;
}

/** Explores a scope and says what was found. */
export function judgeScope(scope: Scope): Finding {
  const { states, transitions, depth, met, failure } = explore(scope.start, scope);
  const lines = [
    `${scope.name}: ${states} states, ${transitions} steps, ${depth} deep; ` +
      [...met].map(([name, count]) => `${name} ${count}`).join(", "),
  ];
  if (failure !== undefined)
    lines.push(`  FAILED: ${failure.reason}`, ...failure.choices.map((choice) => `    ${choice}`));
  else if (states !== scope.states)
    lines.push(`  there were ${scope.states} states; if that is right, note it in scopes.ts`);
  const missing = scope.sometimes.filter((name) => !met.has(name));
  if (failure === undefined && missing.length > 0)
    lines.push(`  never happened: ${missing.join(", ")}`);
  return { lines, isGood: lines.length === 1 };
}
