// Planted bugs that the simulator must find by itself, without a test that knows of them: over
// lattices, replication, the registers, the clock and the frames. Each is one mistake of a line.

const seeds = "test/sim/campaign.test.ts -t seeds of moderate faults are clean";
const crashes = "test/sim/campaign.test.ts -t partitions and crashes together";

export const planted = [
  {
    name: "sim: reset rows are dropped",
    story: "a DEL forgets the others' rows, and their owners' next increments bring them back",
    file: "src/lattice/cell.ts",
    find: "cell.rows = exactly(othersRows(cell, self), noRows);",
    replace: "cell.rows = noRows;",
    suite: seeds,
  },
  {
    name: "sim: hi joins by the larger sum",
    story: "a decrement arrives and is taken for older than what it follows",
    file: "src/lattice/cell.ts",
    find: "if (twin.hiTime > row.hiTime) {",
    replace: "if (twin.hi.units > row.hi.units) {",
    suite: seeds,
  },
  {
    name: "sim: a delta lists no removals",
    story: "SREM and DEL never reach the other replicas",
    file: "src/lattice/cell-delta.ts",
    find: "if (!stays) removed.push({ time: sibling.time, replica: sibling.replica });",
    replace: "",
    suite: seeds,
  },
  {
    name: "sim: the clock ignores what it joins",
    story: "a node with a slow clock overwrites a value with an older stamp",
    file: "src/clock/stamp.ts",
    find: "if (time > this.#last) this.#last = time;",
    replace: "if (time > this.#last + 2 ** 53) this.#last = time;",
    suite: seeds,
  },
  {
    name: "sim: dependencies are not waited for",
    story: "a removal is joined before the add it has seen, which then stays for ever",
    file: "src/keyspace/shard.ts",
    find: 'return this.context.includes(batch.dependencies) ? "ready" : "gap";',
    replace: 'return "ready";',
    suite: seeds,
  },
  {
    name: "sim: nothing is ever asked for",
    story: "a lost batch is gone, and everything behind it waits for ever",
    file: "src/replication/repair.ts",
    find: "if (this.#lacking.has(shard) || !this.#lacks(peer, shard)) return;",
    replace: "if (shard >= 0) return;",
    suite: crashes,
  },
  {
    name: "sim: logs never forget",
    story: "batches that everybody has stay in memory",
    file: "src/replication/repair.ts",
    find: "shard.forget(stable, until);",
    replace: "",
    suite: seeds,
  },
  {
    name: "sim: a blank acceptor votes",
    story: "a node that lost its memory helps to choose a second value",
    file: "src/consensus/registers.ts",
    find: "return member !== undefined && member.incarnation === this.#stateIncarnation;",
    replace: "return member !== undefined;",
    suite: crashes,
  },
  {
    name: "sim: the lowest vote is adopted",
    story: "a round continues from an older value than the newest reported, and a write is gone",
    file: "src/consensus/proposer.ts",
    find: "b === undefined || compareBallots(a.ballot, b.ballot) > 0;",
    replace: "b === undefined || compareBallots(a.ballot, b.ballot) < 0;",
    suite: seeds,
  },
  {
    name: "sim: one vote is enough to read",
    story: "a read returns what a minority accepted and nobody will ever choose",
    file: "src/consensus/reader.ts",
    find: "if (count < majority) continue;",
    replace: "if (count < 1) continue;",
    suite: seeds,
  },
  {
    name: "sim: a timeout is called a refusal",
    story: "a client is told that its write certainly did not happen, and it did",
    file: "src/node/linearizable.ts",
    find: 'deliver(result.kind === "ok" ? result.outcome : errorReply(result.error));',
    replace:
      'deliver(result.kind === "ok" ? result.outcome : errorReply("temporarily_unavailable"));',
    suite: seeds,
  },
  {
    name: "sim: damaged frames are believed",
    story: "one flipped bit in an incarnation makes a peer a ghost of itself",
    file: "src/wire/peer-codec.ts",
    find: "if (end < 0 || new ByteReader(frame, end).u32() !== crc32(frame.subarray(0, end)))",
    replace: "if (end < 0)",
    suite: seeds,
  },
];
