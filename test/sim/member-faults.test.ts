// The operators of simulated clusters (sim/member-faults.ts): what they do must be right, or the
// nodes are blamed for it.

import { expect, test } from "vitest";
import { Prng } from "../../src/base/prng.js";
import { MemberFaults } from "../../src/sim/member-faults.js";
import type { SimulatedHost } from "../../src/sim/simulated-host.js";
import { ask, ms, newQuietCluster, settle } from "./quiet-cluster.js";

test("operators: a node that came again is not forgotten for the life that it had before", () => {
  const simulation = newQuietCluster(5, 0);
  simulation.runFor(5_000 * ms);
  settle(simulation);
  const fourth = simulation.hosts[3]!;
  // The fourth is drawn, where it can be, to go and to come.
  const prng = new Prng(1);
  let drawn: SimulatedHost | undefined = fourth;
  prng.pick = <T>(items: readonly T[]): T => items.find((item) => item === drawn) ?? items[0]!;
  const operators = new MemberFaults(simulation);
  operators.strike("member_forget", prng);
  expect(fourth.isMember).toBe(false);
  // It comes again before anybody takes it for dead, and is cut off before it votes.
  simulation.runFor(600 * ms);
  operators.strike("member_join", prng);
  simulation.runFor(100 * ms);
  const links = simulation.hosts.flatMap(({ index }): [number, number][] =>
    index === fourth.index
      ? []
      : [
          [index, fourth.index],
          [fourth.index, index],
        ],
  );
  simulation.network.cut(links);
  // To be taken away once the others can do without it: never, for it does not vote.
  operators.strike("member_forget", prng);
  drawn = undefined;
  simulation.runFor(4_000 * ms);
  expect(fourth.isMember).toBe(true);
  simulation.heal();
  simulation.network.mend(links);
  settle(simulation);
  simulation.runFor(3_000 * ms);
  expect(ask(simulation, fourth, "GET", "l:a")).toBe("$-1\r\n");
});

test("operators: the judge hears of a node that comes with an empty disk, and of no other", () => {
  const simulation = newQuietCluster(3, 0, { hasLog: true });
  simulation.runFor(5_000 * ms);
  const prng = new Prng(1);
  const operators = new MemberFaults(simulation);
  const blank: string[] = [];
  simulation.onBlank = ({ name }) => blank.push(name);
  const comes = (isBlank: boolean): void => {
    prng.chance = () => isBlank;
    operators.strike("member_join", prng);
  };
  comes(true);
  const [, , , first] = simulation.members;
  comes(false);
  expect(simulation.members).toHaveLength(5);
  expect(blank).toEqual([first!.name]);
});
