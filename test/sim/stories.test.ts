// Every failure story that the project answers for has a witness: a scenario of test/scenarios, or
// a test named for it where the story needs more than clients, links and clocks (bytes on a disk,
// single votes, membership). A story without one, or a witness that is gone, fails here.
//
// Left out: whether a witness deserves its name; the planted bugs of the rules tell that.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectFolder } from "../../scripts/project.js";

/** By number: names of scenarios, or `file: name of a test`. */
type Witnesses = Readonly<Record<number, readonly string[]>>;

const stories = "test/replication/stories.test.ts";
const votes = "test/consensus/scenarios.test.ts";
const roles = "test/consensus/roles.test.ts";

/** What went wrong in other systems. */
const failures: Witnesses = {
  1: ["deleted-key-stays-deleted"],
  2: ["deleted-leaves-nothing"],
  3: ["clock-back"],
  4: ["counter-two-resets"],
  5: ["increments-and-state-sync"],
  6: ["clock-ahead"],
  7: ["values-do-not-swap"],
  8: ["blank-node-does-not-vote", "empty-node-joins"],
  9: ["logs-after-forgetting"],
  10: ["expiry-write", "expiry-and-write-clock"],
  11: ["test/replication/difference.test.ts: what travels grows with what differs"],
  12: ["lost-message"],
  13: ["stream-late-entry"],
  14: ["memory-full"],
  15: ["interrupted-cas"],
  16: ["retried-append"],
};

/** The merge rules. */
const merging: Witnesses = {
  1: ["string-set-set", `${stories}: rule 1:`],
  2: [`${stories}: rule 2:`],
  3: [`${stories}: rule 3: a remote stamp`],
  4: [`${stories}: rule 4:`],
  5: ["flushall-unseen", `${stories}: rule 5:`],
  6: ["counter-increments-add-up", "float-increments"],
  7: ["counter-two-resets", `${stories}: rule 7: after INCR 3`],
  8: ["counter-set-incr", "counter-del-incr"],
  9: ["expiry-deadlines", `${stories}: rules 9 and 10:`],
  10: ["type-clash", "type-clash-emptied", "deadline-not-inherited"],
  11: ["test/replication/difference.test.ts: a partial state is no state"],
  12: [`${stories}: rule 12: a state removes`],
  13: ["logs-after-forgetting", `${stories}: rule 13:`],
  14: ["lost-message", `${stories}: rule 14: a repeated batch`],
  15: ["test/sim/campaign.test.ts: crashes of nodes with logs that rot"],
  16: ["empty-node-joins", `${stories}: rule 16:`],
  17: ["test/replication/placement.test.ts: what only some hold is handed over"],
  18: ["list-runs", "list-insert-in-run", "list-set-element"],
  19: ["clock-ahead", `${stories}: rule 19:`],
  20: [`${stories}: rule 20:`],
};

/** The rules of linearizable keys. */
const deciding: Witnesses = {
  1: [`${votes}: ballot: a process that begins again`],
  2: [`${roles}: acceptor: it votes at or above its promise`],
  3: [`${votes}: warm: a home that was pre-empted`],
  4: [`${roles}: applied table: greater runs`, "repeated-envelope"],
  5: ["test/consensus/histories.test.ts: always linearizable, chosen states form one chain"],
  6: [`${roles}: applied table: a refusal is recorded`],
  7: [`${votes}: refusal: by a quorum read`],
  8: [`${votes}: read: inherited state is not a vote`],
  9: [`${votes}: batching: fifty clients`],
  10: [`${votes}: forward: the home commits`, "interrupted-cas"],
  11: [`${votes}: takeover: a home that is heard but slow`],
  12: [`${votes}: cancel: it fences a forward`],
  13: [`${votes}: minority: after the suspicion time`, "linearizable-minority"],
  14: ["test/consensus/collecting.test.ts: a late accept does not bring the register back"],
  15: ["blank-node-does-not-vote", `${votes}: lost state: such an acceptor never votes`],
  16: [`${votes}: epoch: whoever is behind`],
};

function isThere(witness: string): boolean {
  const cut = witness.indexOf(": ");
  if (cut < 0) return existsSync(join(projectFolder, "test", "scenarios", `${witness}.txt`));
  const path = join(projectFolder, witness.slice(0, cut));
  return existsSync(path) && readFileSync(path, "utf8").includes(witness.slice(cut + 2));
}

const missingOf = (witnesses: Witnesses, count: number): string[] =>
  Array.from({ length: count }, (_, index) => index + 1).flatMap((number) => {
    const named = witnesses[number] ?? [];
    if (named.length === 0) return [`${number} has no witness`];
    return named.filter((witness) => !isThere(witness)).map((name) => `${number}: ${name}`);
  });

test.each([
  ["failures of other systems", failures, 16],
  ["merge rules", merging, 20],
  ["consensus rules", deciding, 16],
] as const)("stories: the %s all have their witness", (_, witnesses, count) => {
  expect(missingOf(witnesses, count)).toEqual([]);
});

test("stories: one without a witness is noticed", () => {
  expect(missingOf({ 1: ["list-runs"], 2: ["no-such-story"] }, 3)).toEqual([
    "2: no-such-story",
    "3 has no witness",
  ]);
});
