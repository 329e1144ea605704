// Planted bugs of placement: shards on the wrong nodes, served too early or lost on the way, and
// clients sent to the wrong place.

import type { PlantedBug } from "../../scripts/planted.js";

const suite = "test/replication/placement.test.ts";
const gate = "test/node/placing-gate.test.ts";

export const placementBugs: PlantedBug[] = [
  {
    name: "ring_by_turns",
    story: "a node that comes moves nearly every shard to somebody else",
    file: "src/replication/ring.ts",
    find: "this.#tokens[(start + step) % this.#tokens.length]!",
    replace: "this.#tokens[(shard * 7 + step) % this.#tokens.length]!",
    suite,
  },
  {
    name: "one_place_for_each_node",
    story: "one node of three gets nearly all shards",
    file: "src/replication/ring.ts",
    find: "const tokensPerNode = 128;",
    replace: "const tokensPerNode = 1;",
    suite,
  },
  {
    name: "served_while_fetched",
    story: "a node that has just taken over a shard answers that its keys are not there",
    file: "src/node/placing.ts",
    find: "if (!sources.every((node) => hasAllOf(node, shard, this.#sinceMs[shard]!))) return false;",
    replace: "",
    suite,
  },
  {
    name: "served_before_everybody_told",
    story: "a node takes a shard for new whose holder has not said yet that it has it",
    file: "src/node/placing.ts",
    find: "if (heard.some((node) => toldBy(node) === undefined)) return false;",
    replace: "",
    suite,
  },
  {
    name: "written_shard_let_go",
    story: "a node forgets that it holds a shard in which it has written what nobody else has",
    file: "src/node/placing.ts",
    find: "if (!isWanted && isBlank(shard) && !this.#isNeeded(shard)) {",
    replace: "if (!isWanted && !this.#isNeeded(shard)) {",
    suite,
  },
  {
    name: "shard_let_go_before_it_is_taken",
    story: "between two nodes nobody serves a shard",
    file: "src/node/placing.ts",
    find: "if (!isWanted && isBlank(shard) && !this.#isNeeded(shard)) {",
    replace: "if (!isWanted && isBlank(shard)) {",
    suite,
  },
  {
    name: "group_waits_for_what_is_elsewhere",
    story: "a write of several keys is never seen by a node that holds only some of them",
    file: "src/replication/inbox.ts",
    find: "      if (this.isForeign(shard)) continue;\n",
    replace: "",
    suite,
  },
  {
    name: "sent_to_who_does_not_hold_it",
    story: "every write travels to every node, and repeats for want of an acknowledgement",
    file: "src/replication/direct-push.ts",
    find: "holdings.peerHolds(link.peer.node, shard)",
    replace: "holdings.holds(shard)",
    suite,
  },
  {
    name: "what_is_elsewhere_counts_as_missing",
    story: "nodes that hold different shards exchange all they know again and again",
    file: "src/replication/settled-hash.ts",
    find: "if (!counts(shard.index)) continue;",
    replace: "",
    suite,
  },
  {
    name: "left_with_the_only_copy",
    story: "a node leaves although nobody who stays has what it holds",
    file: "src/replication/replicator.ts",
    find: "return isOwnThere && (this.#cluster.isEverywhere || isAllThere);",
    replace: "return this.#cluster.isEverywhere ? isOwnThere : isAllThere || !isOwnThere;",
    suite,
  },
  {
    name: "answered_for_what_is_elsewhere",
    story: "a client is told that a key is not there by a node that does not hold its shard",
    file: "src/node/placing-gate.ts",
    find: "if (missing < 0) return undefined;",
    replace: "if (missing < 0 || slots === 1) return undefined;",
    suite: gate,
  },
  {
    name: "moved_to_a_slot_of_another_key",
    story: "a command on keys of two slots is sent to the holder of one of them",
    file: "src/node/placing-gate.ts",
    find: "if (slots > 1) return",
    replace: "if (slots > 2) return",
    suite: gate,
  },
  {
    name: "laggard_not_named",
    story: "an operator sees that logs grow, and not for whose sake",
    file: "src/replication/replicator.ts",
    find: "if (known.covers(batch.time, batch.origin)) continue;",
    replace: "if (!known.covers(batch.time, batch.origin)) continue;",
    suite,
  },
  {
    name: "logs_kept_for_nobody",
    story: "a node keeps in its logs for ever what no peer holds",
    file: "src/replication/repair.ts",
    find: "        if (this.#cluster.isShared(peer, shard.index))\n",
    replace: "",
    suite,
  },
];
