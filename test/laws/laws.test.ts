// The laws, once, over every lattice of the registry, on states that random operations of three
// replicas reach: deltas and states joined in any order, some known only in part, some twice, some
// late, under wrong clocks. A failure prints fast-check's seed and the shrunk script.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { draws } from "../../scripts/lib/test-seed.js";
import { latin1 } from "../../src/base/bytes.js";
import { Prng } from "../../src/base/prng.js";
import { latticeByTag, lattices } from "../../src/lattice/registry.js";
import { type LawSubject, subjects } from "./arbitraries.js";
import { historyOf } from "./history.js";
import { LawReplica, type SentBatch, type Snapshot } from "./replica.js";
import { type Run, runScript, type Step, steps } from "./script.js";

type Subject = LawSubject<unknown, unknown, unknown, unknown>;
type AnyReplica = LawReplica<unknown, unknown, unknown, unknown>;
type AnyRun = Run<unknown, unknown, unknown, unknown>;

/** Histories per law; a long run takes more: SKERRY_LAW_RUNS=5000. */
const runs = Number(process.env.SKERRY_LAW_RUNS ?? draws(120));

/** Runs `check` on what random scripts leave behind. */
function onReached(subject: Subject, check: (run: AnyRun, seed: number) => void): void {
  fc.assert(
    fc.property(steps(subject.operation), fc.nat(), (script, seed) => {
      check(
        runScript(subject.lattice, script, () => {}),
        seed,
      );
    }),
    { numRuns: runs },
  );
}

/** A reader of its own, so that no law depends on how the writers numbered each other. */
const reader = (subject: Subject, snapshot: Snapshot): AnyReplica =>
  new LawReplica(subject.lattice, "reader/r").load(snapshot);

/** The join of snapshots from left to right, as canonical bytes of state and context. */
function joined(subject: Subject, ...snapshots: readonly Snapshot[]): Snapshot {
  const [first, ...rest] = snapshots;
  const replica = reader(subject, first!);
  for (const snapshot of rest) replica.join(snapshot);
  return replica.snapshot();
}

const textOf = ({ state, context }: Snapshot): string => `${latin1(state)} | ${latin1(context)}`;

/** The last states of the replicas and a few of the past. */
function sample(run: AnyRun, seed: number): Snapshot[] {
  const prng = new Prng(seed);
  const past = run.past.length === 0 ? [] : [prng.pick(run.past), prng.pick(run.past)];
  return [...run.replicas.map((replica) => replica.snapshot()), ...past];
}

/** Bytes as text and big integers as text, so that `toEqual` shows readable differences. */
function readable(value: unknown): unknown {
  if (value instanceof Uint8Array) return latin1(value);
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, readable(part)]));
}

/**
 * All batches that a replica has seen, on a new replica, in another causal order and some of them
 * twice.
 */
function replay(subject: Subject, replica: AnyReplica, run: AnyRun, prng: Prng): AnyReplica {
  const fresh: AnyReplica = new LawReplica(subject.lattice, "reader/r");
  let missing = run.log.filter((batch) => replica.covers(batch));
  while (missing.length > 0) {
    const batch = prng.pick(missing.filter((one) => fresh.mayApply(one)));
    fresh.apply(batch);
    missing = missing.filter((one) => one !== batch);
    const known = run.log.filter((one) => fresh.covers(one));
    if (prng.chance(0.3)) fresh.apply(prng.pick(known));
  }
  return fresh;
}

describe.each(Object.entries(subjects))("%s", (_name, subject) => {
  test("join is commutative", () => {
    onReached(subject, (run, seed) => {
      const states = sample(run, seed);
      for (const a of states)
        for (const b of states)
          expect(textOf(joined(subject, a, b))).toBe(textOf(joined(subject, b, a)));
    });
  });

  test("join is associative", () => {
    onReached(subject, (run, seed) => {
      const states = new Prng(seed).shuffle(sample(run, seed));
      for (let i = 0; i + 2 < states.length; i++) {
        const [a, b, c] = [states[i]!, states[i + 1]!, states[i + 2]!];
        const left = joined(subject, joined(subject, a, b), c);
        const right = joined(subject, a, joined(subject, b, c));
        expect(textOf(left)).toBe(textOf(right));
      }
    });
  });

  test("join is idempotent and has bottom as its identity", () => {
    const bottom = new LawReplica(subject.lattice, "reader/r").snapshot();
    onReached(subject, (run, seed) => {
      for (const a of sample(run, seed)) {
        expect(textOf(joined(subject, a, a))).toBe(textOf(a));
        expect(textOf(joined(subject, a, bottom))).toBe(textOf(a));
        expect(textOf(joined(subject, bottom, a))).toBe(textOf(a));
      }
    });
  });

  test("join is monotone: the past adds nothing, and what was removed stays removed", () => {
    onReached(subject, (run, seed) => {
      const states = sample(run, seed);
      for (const a of states) {
        const both = joined(subject, a, states[0]!);
        expect(textOf(joined(subject, both, a))).toBe(textOf(both));
        expect(textOf(joined(subject, a, both))).toBe(textOf(both));
      }
    });
  });

  test("a state is a function of the batches in its context, whatever their order", () => {
    onReached(subject, (run, seed) => {
      const prng = new Prng(seed);
      for (const replica of run.replicas) {
        const again = replay(subject, replica, run, prng);
        expect(textOf(again.snapshot())).toBe(textOf(replica.snapshot()));
      }
    });
  });

  test("a reader sees what the log of operations says", () => {
    fc.assert(
      fc.property(steps(subject.operation), (script: Step<unknown>[]) => {
        const check = (changed: AnyReplica, log: readonly SentBatch<unknown>[]): void => {
          const seen = historyOf(log.filter((batch) => changed.covers(batch)));
          expect(readable(changed.query())).toEqual(readable(subject.oracle(seen)));
        };
        runScript(subject.lattice, script, check);
      }),
      { numRuns: runs },
    );
  });

  test("equal states have equal bytes, and bytes come back as the state they were", () => {
    onReached(subject, (run, seed) => {
      const states = sample(run, seed);
      const { lattice } = subject;
      for (const a of states) {
        expect(textOf(reader(subject, a).snapshot())).toBe(textOf(a));
        const ours = reader(subject, a);
        for (const b of states) {
          const isEqual = lattice.equals(ours.state, ours.readState(b.state), ours.replicas);
          expect(isEqual).toBe(latin1(a.state) === latin1(b.state));
        }
      }
    });
  });

  test("kept figures agree with the entries, and editing in place with joining the delta", () => {
    onReached(subject, (run) => {
      for (const replica of run.replicas)
        expect(subject.verify?.(replica.state, replica.replicas) ?? true).toBe(true);
    });
    const { editInPlace } = subject;
    if (editInPlace === undefined) return;
    const script = steps(subject.operation);
    fc.assert(
      fc.property(script, fc.array(subject.operation, { maxLength: 4 }), (before, operations) => {
        for (const replica of runScript(subject.lattice, before, () => {}).replicas) {
          const twin = reader(subject, replica.snapshot());
          const time = replica.clock.last + 1;
          const stamp = { time, replica: twin.self };
          editInPlace(twin.state, operations, { stamp, replicas: twin.replicas });
          const other = reader(subject, replica.snapshot());
          other.clock.observe(time - 1);
          other.write(operations, 0);
          expect(latin1(twin.bytes())).toBe(latin1(other.bytes()));
        }
      }),
      { numRuns: runs },
    );
  });
});

test("every lattice of the registry has its own name and tag and stands under the laws", () => {
  const all = Object.entries(lattices);
  expect(Object.keys(subjects)).toEqual(all.map(([name]) => name));
  for (const [name, lattice] of all) {
    expect(lattice.name).toBe(name);
    expect(latticeByTag(lattice.tag)).toBe(lattice);
    expect(subjects[name as keyof typeof subjects].lattice).toBe(lattice);
  }
});
