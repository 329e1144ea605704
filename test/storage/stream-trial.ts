// A node that streams its log into an object store which fails by a seed, in virtual time: random
// commands, kills, crashes, lost machines, a second node that takes over from one that still runs.
// Whatever comes back from the store must be exactly the state at some record, and not below what
// the store was told to hold.

import { Prng } from "../../src/base/prng.js";
import { faultyObjects, type StoreFault, storeFaults } from "../../src/storage/faulty-store.js";
import { decodeManifest, type Manifest } from "../../src/storage/manifest.js";
import { manifestName } from "../../src/storage/manifest-writer.js";
import { MemoryStore } from "../../src/storage/memory-store.js";
import type { StoreDone } from "../../src/storage/object-store.js";
import { planRestore } from "../../src/storage/store-restore.js";
import type { SyncPolicy } from "../../src/storage/wal.js";
import type { Argv } from "../differential/resp-client.js";
import { type Client, DurableNode, World } from "./world.js";

export interface TrialOptions {
  readonly seed: number;
  readonly policy?: SyncPolicy;
  /** Of each fault, per operation. */
  readonly faultChance?: number;
  readonly steps?: number;
  readonly retentionMs?: number;
}

/** What happened, for those who want to see that it happens at all. */
export type Seen = Set<
  StoreFault | "restored" | "merged" | "checkpoint" | "fenced" | "removed" | "restarted" | "refused"
>;

const databases = 2;
const keys = Array.from({ length: 12 }, (_, index) => `k${index}`);

/** A command that changes something, most of the time. */
export function drawCommand(prng: Prng): Argv {
  const key = prng.pick(keys);
  const value = String(prng.below(1000));
  const commands: readonly Argv[] = [
    ["SET", key, value.repeat(1 + prng.below(20))],
    ["DEL", key],
    ["DEL", key],
    ["INCR", `c${prng.below(3)}`],
    ["SADD", `s${prng.below(3)}`, value],
    ["SREM", `s${prng.below(3)}`, value],
    ["HSET", `h${prng.below(2)}`, String(prng.below(200)), value],
    ["HDEL", `h${prng.below(2)}`, String(prng.below(200))],
    ["RPUSH", `l${prng.below(2)}`, value],
    ["LPOP", `l${prng.below(2)}`],
    ["ZADD", `z${prng.below(2)}`, value, key],
  ];
  const rare: readonly Argv[] = [
    ["FLUSHDB"],
    ["SELECT", String(prng.below(databases))],
    ["SWAPDB", "0", "1"],
    ["DEL", "s0", "h0", "l0", "z0"],
  ];
  if (prng.chance(0.02)) return ["BGSAVE"];
  return prng.chance(0.03) ? prng.pick(rare) : prng.pick(commands);
}

/** Objects in memory, which know when one may have gone. */
class CountingStore extends MemoryStore {
  deletions = 0;

  constructor() {
    super(20);
  }

  override delete(name: string, done: StoreDone<undefined>): void {
    this.deletions++;
    super.delete(name, done);
  }
}

export class StreamTrial {
  readonly world: World;
  readonly seen: Seen = new Set();
  readonly objects = new CountingStore();
  readonly #prng: Prng;
  #isHealed = false;
  readonly #steps: number;
  /** The state after each record, by its LSN, of the history that the store follows. */
  readonly #states = new Map<number, string>([[0, ""]]);
  /** What the store was told to hold. */
  #toldLsn = 0;
  /** The manifest and the removals for which everything was looked at. */
  #wholeSequence = 0;
  #deletions = 0;
  #node: DurableNode;
  #client: Client | undefined;

  constructor(options: TrialOptions) {
    const { seed, policy = "always", faultChance = 0.04, steps = 700, retentionMs = 0 } = options;
    const prng = new Prng(seed);
    this.#prng = prng;
    this.#steps = steps;
    const every = Object.fromEntries(
      Object.keys(storeFaults).map((fault) => [fault, faultChance]),
    ) as Record<StoreFault, number>;
    const ports = {
      later: (ms: number, run: () => void) => this.world.after(ms, run),
      onFault: (fault: StoreFault) => this.seen.add(fault),
      mayFail: () => !this.#isHealed,
    };
    const objects = faultyObjects(this.objects, prng, every, ports, { put_fail: 4 * faultChance });
    const stream = {
      segmentBytes: 2048,
      intervalMs: seed % 4 < 2 ? 40 : 400,
      retentionMs,
      mergeCount: 4,
    };
    this.world = new World({ seed, policy, store: { objects, stream } });
    this.#node = new DurableNode(this.world, "n1");
    this.#node.start();
  }

  /**
   * Every other run with rare faults, so that the store gets far; every third with a weaker log.
   */
  static ofSeed(seed: number): StreamTrial {
    const policy = seed % 3 === 0 ? "everysec" : "always";
    return new StreamTrial({ seed, policy, faultChance: seed % 2 === 0 ? 0.04 : 0.01 });
  }

  /** @throws Error with what is wrong */
  run(): void {
    for (let step = 0; step < this.#steps; step++) {
      if (this.#node.life !== undefined) this.#command();
      // Some commands come close upon each other, so that checkpoints are written meanwhile.
      this.world.run(this.#prng.below(this.#prng.chance(0.5) ? 3 : 20));
      this.#note();
      this.#expectWhole();
      if (this.#prng.chance(0.012)) this.#disturb();
    }
    this.#heal();
  }

  #command(): void {
    const node = this.#node;
    if (this.#client === undefined || this.#client.isClosed) this.#client = node.connect();
    this.#client.send(drawCommand(this.#prng));
    node.node.journal!.closeOpenBatch();
    this.#states.set(node.node.journal!.wal.lastLsn, stateOf(node));
  }

  /** Whatever the manifest names is there, and is enough to come back from, at any time. */
  #expectWhole(): void {
    const manifest = this.manifest();
    if (manifest === undefined || manifest.sequence === this.#wholeSequence) {
      if (this.objects.deletions === this.#deletions) return;
    }
    this.#deletions = this.objects.deletions;
    if (manifest === undefined) return;
    this.#wholeSequence = manifest.sequence;
    const plan = planRestore(manifest);
    if (!plan.ok) throw new Error(`the manifest would not do: ${plan.error}`);
    for (const { name, size } of manifest.objects)
      this.objects.get(name, undefined, (result) => {
        if (!result.ok || result.value.size !== size) throw new Error(`${name} is listed and gone`);
      });
  }

  #note(): void {
    const stream = this.#node.life?.node.journal?.stream;
    if (stream === undefined) return;
    if (stream.heldLsn > this.#toldLsn) this.#toldLsn = stream.heldLsn;
    if (stream.mergeCount > 0) this.seen.add("merged");
    if (stream.checkpointCount > 0) this.seen.add("checkpoint");
    if (stream.depot.counters.removedObjects > 0) this.seen.add("removed");
  }

  #disturb() {
    const node = this.#node;
    if (node.life === undefined) return;
    const kind = this.#prng.below(4);
    if (kind === 0) node.kill();
    else if (kind === 1) node.crash();
    else if (kind === 2) node.lose();
    else return this.#takeOver();
    this.#start(node);
  }

  /** Another machine begins with an empty disk while the first goes on without knowing. */
  #takeOver(): void {
    const zombie = this.#node;
    const { stream } = zombie.node.journal!;
    this.#node = new DurableNode(this.world, "n1");
    this.#client = undefined;
    this.#start(this.#node, () => {
      const other = zombie.connect();
      for (let i = 0; i < 5; i++) {
        other.send(["SET", "zombie", String(i)]);
        this.world.run(100);
      }
      // It finds out at its next replacement, which the store's faults may put off.
      for (let waited = 0; waited < 100 && !stream!.depot.isFenced; waited++) this.world.run(1000);
      if (!stream!.depot.isFenced)
        throw new Error("a writer that was taken over from is not fenced");
      this.seen.add("fenced");
      const restored = this.#node.restored?.lastLsn ?? 0;
      if (stream!.heldLsn > restored)
        throw new Error(
          `a fenced writer was told that ${stream!.heldLsn} is held, not ${restored}`,
        );
      let answer = "";
      zombie.node.environment.storage!.whenStored((error) => {
        answer = error ?? "stored";
      });
      if (!answer.includes("fenced")) throw new Error(`a fenced writer says "${answer}"`);
      zombie.crash();
      this.#expectRefused(zombie);
    });
  }

  /** The machine that was taken over from comes back with its disk: its log is a branch. */
  #expectRefused(zombie: DurableNode): void {
    zombie.start();
    const refusal = (): string => zombie.refusal ?? "";
    for (let waited = 0; waited < 300 && refusal() === ""; waited++) {
      this.world.run(100);
      if (zombie.life !== undefined) throw new Error("two branches of one history go on");
    }
    if (refusal() === "") zombie.lose();
    if (refusal().includes("taken over")) this.seen.add("refused");
  }

  /** Until the node stands: the store's faults may keep it from it for a while. */
  #start(node: DurableNode, then: () => void = () => {}): void {
    node.restored = undefined;
    node.start();
    for (let tries = 0; node.life === undefined; tries++) {
      if (tries > 2000) throw new Error(`the node does not start: ${node.refusal ?? "no answer"}`);
      this.world.run(100);
      if (node.refusal === undefined) continue;
      if (!node.refusal.includes("cannot be used") && !isReadFailure(node.refusal))
        throw new Error(`the start is refused: ${node.refusal}`);
      node.start();
    }
    this.#judge(node);
    then();
  }

  /** What came back is the state at its last record, and not below what was told. */
  #judge(node: DurableNode): void {
    const { restored, examined } = node;
    const lastLsn = examined!.nextLsn - 1;
    this.seen.add(restored === undefined ? "restarted" : "restored");
    if (restored !== undefined && restored.lastLsn < this.#toldLsn)
      throw new Error(`told that ${this.#toldLsn} is held, came back to ${restored.lastLsn}`);
    const known = [...this.#states.keys()].filter((lsn) => lsn <= lastLsn);
    const at = Math.max(...known);
    if (lastLsn > 0 && stateOf(node) !== this.#states.get(at))
      throw new Error(`record ${lastLsn} (as of ${at}) came back as another state`);
    for (const lsn of [...this.#states.keys()]) if (lsn > lastLsn) this.#states.delete(lsn);
    this.#states.set(node.node.journal!.wal.lastLsn, stateOf(node));
  }

  /** Once nothing fails any more everything comes into the store, and from it. */
  #heal(): void {
    this.#isHealed = true;
    this.world.run(60_000);
    if (this.#node.life === undefined) this.#start(this.#node);
    this.world.run(60_000);
    const { wal, stream } = this.#node.node.journal!;
    if (stream!.heldLsn !== wal.lastLsn || stream!.state !== "streaming")
      throw new Error(
        `${wal.lastLsn} records, ${stream!.heldLsn} held, ${stream!.state}: ${stream!.error}`,
      );
    this.#toldLsn = stream!.heldLsn;
    if (wal.segments[0]!.firstLsn > stream!.heldLsn + 1) throw new Error("the log lacks records");
    this.#node.lose();
    this.#start(this.#node);
    if (this.#node.restored === undefined) throw new Error("nothing came back");
    this.world.run(60_000);
    this.#expectTidy();
  }

  /** The store holds what the manifest names and nothing else. */
  #expectTidy(): void {
    const manifest = this.manifest()!;
    const names = manifest.objects.map(({ name }) => name);
    let stored: string[] = [];
    const list = (after: string | undefined): void =>
      this.objects.list("", after, (page) => {
        if (!page.ok) return;
        stored = [...stored, ...page.value.entries.map(({ name }) => name)];
        if (page.value.continuation !== undefined) list(page.value.continuation);
      });
    list(undefined);
    const extra = stored.filter((name) => name !== manifestName && !names.includes(name));
    if (extra.length > 0) throw new Error(`nobody needs ${extra.join(", ")}`);
  }

  manifest(): Manifest | undefined {
    let manifest: Manifest | undefined;
    this.objects.get(manifestName, undefined, (result) => {
      const decoded = result.ok ? decodeManifest(result.value.bytes) : result;
      if (decoded.ok) manifest = decoded.value;
    });
    return manifest;
  }
}

/** A start that found a damaged answer several times over: the next one may be luckier. */
const isReadFailure = (refusal: string): boolean => /segments\/|checkpoints\//.test(refusal);

/** Everything that a node holds, stamps included; empty for an empty node. */
export function stateOf({ node }: DurableNode): string {
  const isEmpty = node.keyspace.databases.every(({ size }) => size === 0);
  return isEmpty ? "" : node.shards.digests().join(" ");
}
