// List positions (merge-rules 18): where elements land, that the order is one order everywhere,
// that runs stay together, and that bytes compare as the tree does. The oracle compares decoded
// paths by the rule's own words.

import fc from "fast-check";
import { expect, test } from "vitest";
import { MalformedBytes } from "../../src/base/bytes.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import {
  comparePositions,
  type ListPosition,
  type PositionStep,
  positionBetween,
  positionFirst,
  positionLast,
  readPosition,
} from "../../src/lattice/list-position.js";

const names = ["n1/a", "n1", "n2/b"];
const replicas = new ReplicaTable();
for (const name of [...names].reverse()) replicas.indexOf(name);

/** "Compare step by step: left children before the parent before right children." */
function compareByRule(a: readonly PositionStep[], b: readonly PositionStep[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [x, y] = [a[i], b[i]];
    if (x === undefined) return y!.side === "left" ? 1 : -1;
    if (y === undefined) return x.side === "left" ? -1 : 1;
    if (x.side !== y.side) return x.side === "left" ? -1 : 1;
    const byName = x.replica < y.replica ? -1 : x.replica > y.replica ? 1 : 0;
    const outward = x.time - y.time || byName || x.place - y.place;
    if (outward !== 0) return x.side === "left" ? -outward : outward;
  }
  return 0;
}

type Edit = {
  readonly at: number;
  readonly by: "first" | "last" | "insert";
  readonly count: number;
  readonly gap: number;
};
type Step = { readonly edit: Edit } | { readonly from: number; readonly to: number };

const site = fc.nat({ max: 2 });
const edit: fc.Arbitrary<Edit> = fc.record({
  at: site,
  by: fc.constantFrom("first" as const, "last" as const, "insert" as const, "insert" as const),
  count: fc.integer({ min: 1, max: 3 }),
  gap: fc.nat({ max: 100 }),
});
const script: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(fc.record({ edit }), fc.record({ from: site, to: site })),
  { minLength: 1, maxLength: 30, size: "max" },
);

interface Site {
  /** In the order the site shows. */
  list: ListPosition[];
  time: number;
}

/**
 * Three sites that edit and exchange; `onRun` sees each run as it was made, with its site's list
 * after it.
 */
function runSites(
  steps: readonly Step[],
  onRun: (run: ListPosition[], site: Site, edit: Edit, gap: number) => void,
): Site[] {
  const sites: Site[] = names.map(() => ({ list: [], time: 0 }));
  for (const step of steps) {
    if ("from" in step) {
      const [from, to] = [sites[step.from]!, sites[step.to]!];
      to.list = [...new Set([...to.list, ...from.list])].sort(comparePositions);
      to.time = Math.max(to.time, from.time);
      continue;
    }
    const { at, by, count, gap } = step.edit;
    const here = sites[at]!;
    const stamp = { time: ++here.time, replica: replicas.indexOf(names[at]!) };
    const index = gap % (here.list.length + 1);
    const run: ListPosition[] = [];
    for (let place = 0; place < count; place++) {
      if (by === "first") run.unshift(positionFirst(stamp, place, replicas));
      else if (by === "last") run.push(positionLast(stamp, place, replicas));
      else
        run.push(
          positionBetween(
            run.at(-1) ?? here.list[index - 1],
            here.list[index],
            stamp,
            place,
            replicas,
          ),
        );
    }
    const cut = by === "first" ? 0 : by === "last" ? here.list.length : index;
    here.list = [...here.list.slice(0, cut), ...run, ...here.list.slice(cut)];
    onRun(run, here, step.edit, cut);
  }
  return sites;
}

test("list: an element lands where its writer put it, at the ends and in every gap", () => {
  fc.assert(
    fc.property(script, (steps) => {
      runSites(steps, (_run, here) => {
        expect([...here.list].sort(comparePositions)).toEqual(here.list);
        expect(new Set(here.list).size).toBe(here.list.length);
      });
    }),
    { numRuns: 300 },
  );
});

test("list: bytes compare as the tree of steps does, and come back as the steps they were", () => {
  fc.assert(
    fc.property(script, (steps) => {
      const all = [...new Set(runSites(steps, () => {}).flatMap((one) => one.list))];
      for (const a of all)
        for (const b of all) {
          const byBytes = Math.sign(comparePositions(a, b));
          expect(byBytes).toBe(Math.sign(compareByRule(readPosition(a), readPosition(b))));
        }
    }),
    { numRuns: 200 },
  );
});

test("list: what one command pushed or inserted at one place is never interleaved by concurrent runs", () => {
  // A run may be split later, by somebody who saw it and inserted into it; here nobody sees it in
  // time.
  fc.assert(
    fc.property(
      fc.array(edit, { minLength: 1, maxLength: 4 }),
      fc.array(edit, { minLength: 2, maxLength: 6 }),
      (base, edits) => {
        const before = base.map((one): Step => ({ edit: { ...one, at: 0 } }));
        const shared: Step[] = [...before, { from: 0, to: 1 }, { from: 0, to: 2 }];
        const once = [...new Map(edits.map((one) => [one.at, one])).values()];
        const runs: ListPosition[][] = [];
        let made = 0;
        const sites = runSites([...shared, ...once.map((one): Step => ({ edit: one }))], (run) => {
          if (++made > before.length) runs.push(run);
        });
        const all = [...new Set(sites.flatMap((one) => one.list))].sort(comparePositions);
        for (const run of runs) {
          const start = all.indexOf(run[0]!);
          expect(all.slice(start, start + run.length)).toEqual(run);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("list: LPUSH a b in one batch makes two positions, the later one first", () => {
  // With (position, stamp) alone both would be one element and one value would be lost (merge-rules
  // 18).
  const stamp = { time: 5, replica: replicas.indexOf("n1/a") };
  const [a, b] = [positionFirst(stamp, 0, replicas), positionFirst(stamp, 1, replicas)];
  expect(comparePositions(b, a)).toBeLessThan(0);
});

test("list: an element inserted behind e2 stays behind e2, though e5 was pushed in the meantime", () => {
  // Numeric positions between neighbours gave e2 e5 i8: the insertion had seen e2 as the last
  // element.
  const n1 = replicas.indexOf("n1/a");
  const n2 = replicas.indexOf("n2/b");
  const e2 = positionLast({ time: 2, replica: n1 }, 0, replicas);
  const e5 = positionLast({ time: 5, replica: n1 }, 0, replicas);
  const i8 = positionBetween(e2, undefined, { time: 8, replica: n2 }, 0, replicas);
  expect([e5, i8, e2].sort(comparePositions)).toEqual([e2, i8, e5]);
});

test("list: two runs inserted into one gap by one site stand in the order of that site's view", () => {
  const stamp = (time: number) => ({ time, replica: replicas.indexOf("n2/b") });
  const a = positionLast(stamp(1), 0, replicas);
  const z = positionLast(stamp(2), 0, replicas);
  const m = positionBetween(a, z, stamp(3), 0, replicas);
  // m descends from a: left child of m.
  const between = positionBetween(a, m, stamp(4), 0, replicas);
  const behind = positionBetween(m, z, stamp(5), 0, replicas);
  expect([z, behind, m, between, a].sort(comparePositions)).toEqual([a, between, m, behind, z]);
});

test("list: places beyond one byte keep their order on both sides", () => {
  const stamp = { time: 5, replica: replicas.indexOf("n1/a") };
  const places = [0, 1, 0xf7, 0xf8, 0xf9, 0xff, 0x100, 0xffff, 0xffff_ffff];
  const right = places.map((place) => positionLast(stamp, place, replicas));
  const left = places.map((place) => positionFirst(stamp, place, replicas)).reverse();
  expect([...left, ...right].sort(comparePositions)).toEqual([...left, ...right]);
  for (const [i, position] of right.entries())
    expect(readPosition(position)[0]!.place).toBe(places[i]);
});

test("list: bytes that are no position are refused, a truncated or altered one too", () => {
  const stamp = { time: 5, replica: replicas.indexOf("n1/a") };
  const inner = positionBetween(positionLast(stamp, 0, replicas), undefined, stamp, 300, replicas);
  for (let end = 0; end < inner.length; end++)
    expect(() => readPosition(inner.slice(0, end))).toThrow(MalformedBytes);
  // Two texts for one place would be two elements at it; no step at all is a place of nobody.
  const end = inner.slice(-1);
  for (const odd of [end, inner + end, inner + inner])
    expect(() => readPosition(odd)).toThrow("without steps or with an end inside");
  fc.assert(
    fc.property(fc.nat({ max: inner.length - 1 }), fc.nat({ max: 255 }), (at, byte) => {
      const altered = inner.slice(0, at) + String.fromCharCode(byte) + inner.slice(at + 1);
      try {
        readPosition(altered);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedBytes);
      }
    }),
  );
});
