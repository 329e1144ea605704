// A random history of three replicas as data, so that fast-check can print and shrink it: batches
// of writes under clocks that go wrong, deltas delivered one by one or twice, whole states joined,
// old states that arrive late.

import fc from "fast-check";
import type { Lattice } from "../../src/lattice/lattice.js";
import { LawReplica, type SentBatch, type Snapshot } from "./replica.js";

export type Step<Operation> =
  | {
      readonly do: "write";
      readonly at: number;
      readonly ops: readonly Operation[];
      readonly skewMs: number;
    }
  /** Delivers up to `count` deltas that `from` knows and `to` may apply, picked by `pick`. */
  | {
      readonly do: "deliver";
      readonly from: number;
      readonly to: number;
      readonly count: number;
      readonly pick: number;
    }
  /** Delivers a delta that `to` has already seen. */
  | { readonly do: "repeat"; readonly to: number; readonly pick: number }
  | { readonly do: "sync"; readonly from: number; readonly to: number }
  /** Takes a state out of the past of any replica and joins it now. */
  | { readonly do: "late"; readonly to: number; readonly pick: number };

export const replicaNames = ["n2/b", "n1/a", "n3/c"] as const;

const replica = fc.nat({ max: replicaNames.length - 1 });
const pick = fc.nat({ max: 1000 });

export function steps<Operation>(
  operation: fc.Arbitrary<Operation>,
): fc.Arbitrary<Step<Operation>[]> {
  const ops = fc.array(operation, { minLength: 1, maxLength: 3 });
  const skewMs = fc.oneof(fc.constant(0), fc.integer({ min: -50, max: 50 }));
  const step: fc.Arbitrary<Step<Operation>> = fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({ do: fc.constant("write" as const), at: replica, ops, skewMs }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("deliver" as const),
        from: replica,
        to: replica,
        count: fc.integer({ min: 1, max: 4 }),
        pick,
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("repeat" as const), to: replica, pick }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant("sync" as const), from: replica, to: replica }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("late" as const), to: replica, pick }) },
  );
  return fc.array(step, { minLength: 1, maxLength: 40, size: "max" });
}

/** What a script leaves behind. */
export interface Run<State, Delta, Operation, Value> {
  readonly replicas: readonly LawReplica<State, Delta, Operation, Value>[];
  readonly log: readonly SentBatch<Operation>[];
  /** One state after every step that changed one, oldest first. */
  readonly past: readonly Snapshot[];
}

export function runScript<State, Delta, Operation, Value>(
  lattice: Lattice<State, Delta, Operation, Value>,
  script: readonly Step<Operation>[],
  afterStep: (
    changed: LawReplica<State, Delta, Operation, Value>,
    log: readonly SentBatch<Operation>[],
  ) => void,
): Run<State, Delta, Operation, Value> {
  const replicas = replicaNames.map((name) => new LawReplica(lattice, name));
  const log: SentBatch<Operation>[] = [];
  const past: Snapshot[] = [];
  let wallMs = 1_800_000_000_000;
  for (const step of script) {
    const changed = replicas[step.do === "write" ? step.at : step.to]!;
    switch (step.do) {
      case "write":
        wallMs++;
        log.push(changed.write(step.ops, wallMs + step.skewMs));
        break;
      case "deliver":
        deliver(replicas[step.from]!, changed, log, step);
        break;
      case "repeat": {
        const known = log.filter((batch) => changed.covers(batch));
        if (known.length > 0) changed.apply(known[step.pick % known.length]!);
        break;
      }
      case "sync":
        changed.join(replicas[step.from]!.snapshot());
        break;
      case "late":
        if (past.length > 0) changed.join(past[step.pick % past.length]!);
    }
    past.push(changed.snapshot());
    afterStep(changed, log);
  }
  return { replicas, log, past };
}

function deliver<State, Delta, Operation, Value>(
  from: LawReplica<State, Delta, Operation, Value>,
  to: LawReplica<State, Delta, Operation, Value>,
  log: readonly SentBatch<Operation>[],
  step: { readonly count: number; readonly pick: number },
): void {
  for (let i = 0; i < step.count; i++) {
    const news = log.filter(
      (batch) => from.covers(batch) && !to.covers(batch) && to.mayApply(batch),
    );
    if (news.length === 0) return;
    to.apply(news[(step.pick + i) % news.length]!);
  }
}
