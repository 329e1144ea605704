// Planted bugs that the exhaustive explorer must find: its quick configurations visit every
// schedule of a few writes, so a bug that needs one particular order cannot hide behind luck.

const deltas = "test/explore/explore.test.ts -t deltas:";
const registers = "test/explore/explore.test.ts -t registers:";
const lattices = "test/explore/explore.test.ts -t writes";

export const planted = [
  {
    name: "explore: a batch is joined before what it depends on",
    story: "a removal overtakes the add that it has seen, and the add stays for ever",
    file: "src/keyspace/shard.ts",
    find: 'return this.context.includes(batch.dependencies) ? "ready" : "gap";',
    replace: 'return "ready";',
    suite: deltas,
  },
  {
    name: "explore: a state grows the context without its removals",
    story: "a key that was deleted elsewhere stays after a state sync",
    file: "src/lattice/cell.ts",
    find: "(sibling) => isIn(theirs, sibling) || !otherSeen.covers(sibling.time, sibling.replica),",
    replace: "() => true,",
    suite: lattices,
  },
  {
    name: "explore: half of the votes are enough",
    story: "a write is told done when only its proposer has accepted it",
    file: "src/consensus/quorum.ts",
    find: "return this.#nodes.length >= majorityOf(this.#configuration);",
    replace: "return this.#nodes.length >= majorityOf(this.#configuration) - 1;",
    suite: registers,
  },
  {
    name: "explore: hi joins by the larger sum",
    story: "a decrement is taken for older than what it follows",
    file: "src/lattice/cell.ts",
    find: "if (twin.hiTime > row.hiTime) {",
    replace: "if (twin.hi.units > row.hi.units) {",
    suite: lattices,
  },
  {
    name: "explore: a removal takes what it has not seen",
    story: "an add that the remover had not seen is gone after the join",
    file: "src/lattice/cell.ts",
    find: "if (!isIn(ours, sibling) && !seen.covers(sibling.time, sibling.replica)) joined.push(sibling);",
    replace: "if (ours.length > 0 && !isIn(ours, sibling)) joined.push(sibling);",
    suite: lattices,
  },
];
