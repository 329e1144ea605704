// The object store of one simulated node: the production writer (storage/store-claim.ts,
// storage/store-stream.ts) on objects in memory, behind the faults of storage/faulty-store.ts, by
// the names of the catalogue. A process claims the store before it starts, and again at each start.
//
// In the end, when nothing fails any more, the store must have all that is durable, and another
// machine must come back from it. Left out: machines lost with their disks in the middle of a run,
// and two writers at once; `npm run store-trials` has them, for one node.

import type { Prng } from "../base/prng.js";
import type { Journal } from "../node/journal.js";
import { keepStream } from "../node/keep-stream.js";
import type { Node } from "../node/node.js";
import { faultyObjects } from "../storage/faulty-store.js";
import { MemoryStore } from "../storage/memory-store.js";
import type { ObjectStore } from "../storage/object-store.js";
import { plainPacker } from "../storage/packer.js";
import { Recovery } from "../storage/recovery.js";
import { type Claimed, claimStore, whyTooShort } from "../storage/store-claim.js";
import type { Restored } from "../storage/store-restore.js";
import { storeInTurns, type TurnPort } from "../storage/turn-store.js";
import { SimulatedDisk } from "./disk.js";
import type { Simulation } from "./simulation.js";

/** So small and often that a run has many objects, and joins some. */
const stream = { segmentBytes: 2048, intervalMs: 200, retentionMs: 0, mergeCount: 4 } as const;
/** A process that could not claim its store is started again after so long. */
const retryMs = 500;
/** Where the store cannot be read or the disk is full just now, the next start may be luckier. */
const mayPass = /cannot be used|segments\/|checkpoints\/|folder is not usable/;

export class SimulatedStore {
  readonly #simulation: Simulation;
  readonly #index: number;
  readonly #prng: Prng;
  readonly #objects = new MemoryStore();
  readonly #faulty: ObjectStore;
  /** What was asked for by a process that is gone is not answered. */
  #process = 0;
  #port: TurnPort = { run: () => {} };
  #claimed: Claimed | undefined;
  /** Records that the process was told are held. */
  #toldLsn = 0;

  constructor(simulation: Simulation, index: number, prng: Prng) {
    this.#simulation = simulation;
    this.#index = index;
    this.#prng = prng;
    this.#faulty = faultyObjects(this.#objects, prng.fork(), simulation.profile.storeRates, {
      later: (ms, run) => simulation.queue.after(ms * 1000, run),
      onFault: (fault) => simulation.noteStoreFault(fault, index),
      mayFail: () => simulation.mayFail && simulation.queue.nowUs > 0,
    });
  }

  /** The name of the node. */
  get #name(): string {
    return this.#simulation.nameOf(this.#index);
  }

  /** Becomes the store's writer, sooner or later: `begin`, or `start` when it must try again. */
  claim(disk: SimulatedDisk, host: { begin(claimed: Claimed): void; start(): void }): void {
    const process = ++this.#process;
    const { queue } = this.#simulation;
    const ifAlive = (work: () => void): void => {
      if (process === this.#process) work();
    };
    this.#port = { run: ifAlive };
    this.#claim(this.#faulty, disk, ({ error, claimed }) => {
      if (claimed !== undefined) {
        this.#claimed = claimed;
        host.begin(claimed);
      } else if (!mayPass.test(error!)) this.#simulation.violate(`${this.#name}: ${error}`);
      else queue.after(retryMs * 1000, () => ifAlive(() => host.start()));
    });
  }

  #claim(
    objects: ObjectStore,
    disk: SimulatedDisk,
    done: (end: { error?: string; claimed?: Claimed }) => void,
    onRestored: (restored: Restored) => void = () => {},
  ): void {
    const { queue } = this.#simulation;
    const port = this.#port;
    claimStore(
      {
        ...{ store: storeInTurns(objects, port), packer: plainPacker, disk, mayRebase: false },
        writer: `${this.#name}-${this.#prng.below(2 ** 32)}`,
        later: (ms, run) => queue.after(ms * 1000, () => port.run(run)),
        onRestored,
      },
      (result) => done(result.ok ? { claimed: result.value } : { error: result.error }),
    );
  }

  /** The log that a process finds has what its store holds. @throws Error */
  expectWhole(lastLsn: number): void {
    const objection = whyTooShort(this.#claimed!, lastLsn);
    if (objection !== undefined) throw new Error(objection);
  }

  /** Streams from here on; answers come by `turn`. */
  attach(node: Node, journal: Journal, claimed: Claimed, turn: (work: () => void) => void): void {
    const { run } = this.#port;
    this.#port.run = (work) => run(() => turn(work));
    keepStream(node, journal, claimed, { ...stream, lagBytesMax: 0, say: () => {} });
  }

  /** The process is gone. */
  abandon(): void {
    this.#process++;
  }

  /** Asks for everything to be stored; `done` may never come. */
  whenStored(node: Node, done: (error: string | undefined) => void): void {
    node.environment.storage!.whenStored((error) => {
      this.#toldLsn = node.journal!.stream!.heldLsn;
      done(error);
    });
  }

  /** Another machine comes back from the store; what is wrong with that, or undefined. */
  restoreElsewhere(): string | undefined {
    const disk = new SimulatedDisk(this.#prng.fork(), (run) => run());
    this.abandon();
    this.#port = { run: (work) => work() };
    let flaw: string | undefined = "no answer";
    const onRestored = ({ lastLsn }: Restored): void => {
      const { nextLsn } = new Recovery(disk, { isSalvage: false, keepsCovered: true }).examine();
      if (lastLsn >= this.#toldLsn && nextLsn - 1 === lastLsn) flaw = undefined;
      else flaw = `told ${this.#toldLsn}, restored ${lastLsn}, found ${nextLsn - 1}`;
    };
    this.#claim(
      this.#objects,
      disk,
      ({ error }) => {
        if (error !== undefined) flaw = error;
      },
      onRestored,
    );
    return flaw;
  }
}
