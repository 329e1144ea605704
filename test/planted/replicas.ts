// Planted bugs that the random histories of three replicas must find.

const suite = "test/replicas/replicas.test.ts";

export const planted = [
  {
    name: "replicas: a delta lists no removals",
    story: "a popped element is popped again on the other replicas",
    file: "src/lattice/cell-delta.ts",
    find: "if (!stays) removed.push({ time: sibling.time, replica: sibling.replica });",
    replace: "",
    suite,
  },
  {
    name: "replicas: a state grows the context without its removals",
    story: "a key that was deleted elsewhere stays after a state sync",
    file: "src/lattice/cell.ts",
    find: "(sibling) => isIn(theirs, sibling) || !otherSeen.covers(sibling.time, sibling.replica),",
    replace: "() => true,",
    suite,
  },
  {
    name: "replicas: dependencies are not waited for",
    story: "a removal overtakes the add that it has seen",
    file: "src/keyspace/shard.ts",
    find: 'return this.context.includes(batch.dependencies) ? "ready" : "gap";',
    replace: 'return "ready";',
    suite,
  },
];
