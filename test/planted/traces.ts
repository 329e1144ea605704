// Planted bugs that only a trace shows: the replay of what simulated nodes did must reject them.
// They need TLC, so they are listed where its jar is named (TLA2TOOLS_JAR) and nowhere else.

import type { PlantedBug } from "../../scripts/planted.js";

const traces = "test/specs/traces.test.ts -t accepts";

const bugs: PlantedBug[] = [
  {
    name: "trace_lowest_accepted_adopted",
    story: "a round continues from an older vote than the highest one reported",
    file: "src/consensus/proposer.ts",
    find: "b === undefined || compareBallots(a.ballot, b.ballot) > 0;",
    replace: "b === undefined || compareBallots(a.ballot, b.ballot) < 0;",
    suite: traces,
  },
  {
    name: "trace_accept_after_one_promise",
    story: "a proposer begins to accept when the first acceptor has promised",
    file: "src/consensus/proposer.ts",
    find: "    if (!phase.votes.isMajority) return;\n    this.#accept(",
    replace: "    this.#accept(",
    suite: traces,
  },
  {
    name: "trace_told_before_chosen",
    story: "a home tells the outcome after the first vote",
    file: "src/consensus/proposer.ts",
    find: "if (phase.votes.add(from) && phase.votes.isMajority) this.#onChosen(now, phase);",
    replace: "if (phase.votes.add(from)) this.#onChosen(now, phase);",
    suite: traces,
  },
  {
    name: "trace_applied_table_forgets",
    story: "a proposal drops what another origin's envelope left in the applied table",
    file: "src/consensus/register-value.ts",
    find: "  const applied = [...base.applied];",
    replace:
      "  const applied = base.applied.filter(({ origin }) => origin === envelopes[0]?.origin);",
    suite: traces,
  },
  {
    name: "trace_dependencies_ignored",
    story: "a batch is joined before what its maker had seen of others",
    file: "src/keyspace/shard.ts",
    find: 'return this.context.includes(batch.dependencies) ? "ready" : "gap";',
    replace: 'return "ready";',
    suite: traces,
  },
  {
    name: "trace_removal_dropped",
    story: "a peer never hears that a value was removed: equal contexts, unequal digests",
    file: "src/lattice/cell-delta.ts",
    find: "const removed = [...delta.removed].sort((a, b) => replicas.compareStamps(a, b));",
    replace: "const removed = [...delta.removed].slice(1);",
    suite: traces,
  },
  {
    name: "trace_log_answers_before_durable",
    story: "under always a reply leaves before the sync that covers what it tells",
    file: "src/node/journal.ts",
    find: "return this.#source.keyspace.hasOpenBatch || wal.hasUnsafe;",
    replace: "return false;",
    suite: traces,
  },
  {
    name: "trace_log_goes_on_in_the_failed_file",
    story: "after a failed sync what was not durable is written behind it in the same file",
    file: "src/storage/wal.ts",
    find: "    this.#written = 0;\n    this.#needsSegment = true;\n",
    replace: "    this.#written = 0;\n",
    suite: traces,
  },
];

export const traceBugs: PlantedBug[] = process.env.TLA2TOOLS_JAR ? bugs : [];
