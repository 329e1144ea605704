// The host of one node in the simulator: what the process and its operating system do in earnest
// (host/drive.ts, host/tcp-host.ts, bin/maelstrom.ts). It drives the production classes - the node,
// the RESP face of its clients, the frames between peers - through the same effects.
//
// A crash takes the process with all it had; the next one is a new incarnation, which never votes
// in the registers again. A pause stops the process and not the world: what arrives waits. Slowness
// makes each turn last.

import { type Bytes, utf8 } from "../base/bytes.js";
import type { Prng } from "../base/prng.js";
import type { Session } from "../commands/session.js";
import { SettingsStore } from "../commands/settings-store.js";
import { allTables } from "../node/commands.js";
import type { ConsistencyRules } from "../node/consistency.js";
import type { NodeEffects } from "../node/effects.js";
import { keepJournal, recoverNode } from "../node/keep-journal.js";
import type { PeerMessage } from "../node/messages.js";
import { Node } from "../node/node.js";
import { RecoveryError } from "../storage/scan.js";
import type { Claimed } from "../storage/store-claim.js";
import { decodeFrame, encodeFrame, encodePeerMessage } from "../wire/peer-codec.js";
import { PeerOutbox } from "../wire/peer-outbox.js";
import { SimulatedDisk } from "./disk.js";
import { examineLog } from "./examined-log.js";
import type { FaultKind } from "./fault-profile.js";
import { entryOf, type Line, membersOf, SimulatedLinks } from "./links.js";
import { corrupted } from "./network.js";
import type { SimulatedClock } from "./simulated-clock.js";
import type { Connection, Life } from "./simulated-life.js";
import { SimulatedStore } from "./simulated-store.js";
import type { Simulation } from "./simulation.js";
import { crashDisk, joinedStateCountOf, noteNode } from "./sometimes.js";
import { newFacts, WatchedInput } from "./watched-input.js";

/** Period of the node's housekeeping, as of the real host. */
const cronUs = 100_000;
/** 64 kilobytes: many nodes live in one process, and each run has new ones. */
const slabUnits = 1 << 13;
/** A timer of the event loop never fires sooner. */
const timerUsMin = 1000;
const skippedTimerUs = [50_000, 600_000] as const;
const lateGossipUs = [10_000, 800_000] as const;
const slowDiskUs = [1_000, 80_000] as const;
const syncUs = [500, 3_000] as const;
const shardCount = 64;
const databaseCount = 2;
/** From so much log on, checkpoints are made. */
const checkpointBytes = "12000";
/** How long a turn takes while the process is slow. */
const slowTurnUs = [2_000, 15_000] as const;

/** Keys that begin so are linearizable or causal; all others are eventual. */
export const linearizablePrefix = "l:";
export const causalPrefix = "c:";

const consistency: ConsistencyRules = {
  default: "eventual",
  prefixes: { [linearizablePrefix]: "linearizable", [causalPrefix]: "causal" },
};

export class SimulatedHost {
  readonly index: number;
  readonly name: string;
  readonly clock: SimulatedClock;
  /** Undefined while the process is down. */
  life: Life | undefined;
  incarnation = 0;
  refusedFrameCount = 0;
  /** States of whole shards that earlier lives joined: a log brings them back. */
  joinedStateCount = 0;
  readonly #simulation: Simulation;
  readonly #prng: Prng;
  #pausedUntilUs = 0;
  #slowUntilUs = 0;
  /** The event loop is busy with a turn until then. */
  #busyUntilUs = 0;
  #diskFreeUs = 0;
  #dueMs = Number.POSITIVE_INFINITY;
  #isTurnOpen = false;
  #isStarting = false;
  #isSalvaging = false;
  #deferred: (() => void)[] = [];
  /** Peers whose next frame carries gossip. */
  #disk: SimulatedDisk | undefined;
  /** Where the log is streamed to, if it is. */
  readonly store: SimulatedStore | undefined;
  readonly #hasGossip = new Set<number>();
  /** Whether it belongs to the cluster; else it may come, or has gone. */
  isMember = false;
  /** It joins others that are there, rather than to found a cluster with them. */
  #isJoining = false;
  #links: SimulatedLinks | undefined;

  constructor(simulation: Simulation, index: number, clock: SimulatedClock, prng: Prng) {
    this.#simulation = simulation;
    this.index = index;
    this.name = simulation.nameOf(index);
    this.clock = clock;
    this.#prng = prng;
    if (simulation.profile.hasLog) this.#disk = this.#newDisk();
    if (simulation.profile.hasStore)
      this.store = new SimulatedStore(simulation, index, prng.fork());
    if (index >= simulation.profile.nodeCount) return;
    this.isMember = true;
    this.start();
  }

  /** Comes to a cluster, for the first time or again. @param isBlank without what its disk had */
  join(isBlank: boolean): void {
    if (isBlank && this.#disk !== undefined) this.#disk = this.#newDisk();
    this.#isJoining = true;
    this.isMember = true;
    this.start();
  }

  #newDisk(): SimulatedDisk {
    const prng = this.#prng.fork();
    const disk = new SimulatedDisk(prng, (run) => {
      const { life } = this;
      const isSlow = this.#simulation.happens("disk_slow", this.index);
      const [least, most] = isSlow ? slowDiskUs : syncUs;
      this.#simulation.queue.after(prng.between(least, most), () => this.#turn(life, run));
    });
    const happens = (kind: FaultKind): boolean => this.#simulation.happens(kind, this.index);
    disk.faults = {
      write: (bytes) => {
        // Its own folder is whole while a process starts; a start that fails is tried again later.
        if (!this.#mayDiskFail) return undefined;
        if (happens("disk_write_fail")) return { code: "EIO", part: 0 };
        if (happens("disk_partial_write")) return { code: "EIO", part: prng.below(bytes + 1) };
        return undefined;
      },
      sync: () => this.#mayDiskFail && happens("disk_fsync_fail"),
      // Who salvages a log reads it from a copy.
      staleRead: () => !this.#isSalvaging && happens("disk_stale_read"),
    };
    disk.watcher = this.#simulation.watcher?.disk?.(this.name, disk);
    return disk;
  }

  /** While a process starts its disk works. */
  get #mayDiskFail(): boolean {
    return !this.#isStarting;
  }

  /** One bit of what its log holds turns. False: there is nothing that could. */
  rotDisk(): boolean {
    return this.#disk?.rotSomewhere() ?? false;
  }

  /** No more room for a while. */
  fillDisk(forUs: number): void {
    const disk = this.#disk;
    if (disk === undefined) return;
    disk.capacity = 0;
    this.#simulation.queue.after(forUs, () => {
      disk.capacity = Number.POSITIVE_INFINITY;
    });
  }

  // ---- the process

  start(): void {
    this.incarnation++;
    this.#isStarting = true;
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#isTurnOpen = false;
    this.#deferred = [];
    // Who starts a node makes room for it first.
    if (this.#disk !== undefined) this.#disk.capacity = Number.POSITIVE_INFINITY;
    if (this.store === undefined) this.begin(undefined);
    else this.store.claim(this.#disk!, this);
  }

  begin(claimed: Claimed | undefined): void {
    const life = this.#boot();
    const { journal } = life.node;
    if (claimed !== undefined)
      this.store!.attach(life.node, journal!, claimed, (work) => this.#turn(life, work));
    this.#isStarting = false;
    this.#afterTurn(life);
    this.#simulation.queue.after(cronUs, () => this.#runCron(life));
  }

  /** Where the log is damaged somebody looks, and lets the node start with what can be read. */
  #boot(): Life {
    try {
      return this.#bootWith(false);
    } catch (error) {
      if (!(error instanceof RecoveryError)) throw error;
      this.#simulation.trace(this.index, `damage ${error.message}`);
      this.#simulation.sometimes.add("log_salvaged");
      return this.#bootWith(true);
    }
  }

  #bootWith(isSalvage: boolean): Life {
    const nowMs = this.clock.now(this.#simulation.queue.nowUs);
    this.#isSalvaging = isSalvage;
    const { name, incarnation, store } = this;
    const wish = { name, incarnation, store, shardCount, databaseCount };
    const log = this.#disk && examineLog(this.#simulation, this.#disk, wish, isSalvage);
    if (log !== undefined) this.incarnation = log.start.incarnation;
    const connections = new Map<Session, Connection>();
    const effects = this.#newEffects(() => life, connections);
    const node = new Node(
      {
        name: this.name,
        ...membersOf(this.#simulation, entryOf(this.name, this.incarnation), this.#isJoining),
        incarnation: this.incarnation,
        ...(log !== undefined && { past: { replicas: log.examined.replicas, ...log.start } }),
        consistency,
        seed: this.#prng.below(2 ** 32),
        commands: allTables,
        settings: new SettingsStore({ "auto-aof-rewrite-min-size": checkpointBytes }),
        facts: newFacts(nowMs),
        databaseCount,
        // As under load: memory is used again, and one node forgets as soon as it may.
        shards: { shardCount, leasedBytesMin: 1, ...(this.index === 0 && { stableBytesMax: 500 }) },
        slabCapacity: slabUnits,
        measureMicros: () => 0,
      },
      effects,
    );
    const outbox = new PeerOutbox(
      (to, frame) => this.#sendFrame(to, frame),
      (callback) => this.#deferred.push(callback),
      encodeFrame,
    );
    const input = new WatchedInput(node, effects);
    const life: Life = { incarnation: this.incarnation, node, input, outbox, connections };
    this.life = life;
    this.#simulation.trace(this.index, `start ${this.incarnation}`);
    node.beginTurn(nowMs);
    if (log !== undefined) keepJournal(node, log, recoverNode(node, log));
    // Who wrote a log may be what cannot be read of it.
    if (isSalvage || log?.examined.start !== undefined)
      this.#simulation.onRecovered?.(this, life, isSalvage);
    this.#links = new SimulatedLinks(this.#simulation, this, life, this.#prng.fork());
    return life;
  }

  #newEffects(current: () => Life, connections: ReadonlyMap<Session, Connection>): NodeEffects {
    return {
      write: (session, bytes, length) => {
        this.#simulation.watcher?.answered?.(this.name, session, current().node);
        connections.get(session)?.onReply(bytes.slice(0, length));
        return false;
      },
      close: (session) => this.disconnect(current(), session),
      pause() {},
      resume() {},
      stall() {},
      shutdown() {},
      send: (to, message) => this.#send(current(), to, message),
      persist: (lsn, record) => {
        this.#simulation.watcher?.recorded?.(this.name, record);
        this.#persist(current(), lsn);
      },
    };
  }

  /** Gossip alone may be lost or late: what else is in the frame is not touched. */
  #send(life: Life, to: string, message: PeerMessage): void {
    const simulation = this.#simulation;
    simulation.watcher?.sent?.(this.name, to, message);
    // Now, as any host must: later the batches' memory may be others' (base/leased-memory.ts).
    const encoded = encodePeerMessage(message, life.node.shards);
    const push = (): void => {
      life.outbox.push(to, encoded);
      this.#openTurn(life);
    };
    const isGossip = message.kind === "replication";
    if (isGossip) this.#hasGossip.add(simulation.names.indexOf(to));
    if (isGossip && simulation.happens("gossip_drop", this.index)) return;
    if (isGossip && simulation.happens("gossip_delay", this.index))
      simulation.queue.after(this.#prng.between(...lateGossipUs), () => this.#turn(life, push));
    else push();
  }

  #sendFrame(name: string, frame: Bytes): void {
    const simulation = this.#simulation;
    const to = simulation.names.indexOf(name);
    const line = this.#links?.lineTo(name);
    if (simulation.profile.isClustered && line === undefined) return;
    const isHit = this.#hasGossip.delete(to) && simulation.happens("gossip_corrupt", this.index);
    const bytes = isHit ? corrupted(frame, simulation.faultPrng("gossip_corrupt")) : frame;
    simulation.network.send(this.index, to, bytes, line);
  }

  /** What was in memory is gone, and with it every connection. */
  crash(): void {
    const { life } = this;
    if (life === undefined) return;
    this.life = undefined;
    this.store?.abandon();
    noteNode(life.node, this.#simulation.sometimes);
    this.joinedStateCount += joinedStateCountOf(life.node);
    if (this.#disk !== undefined)
      crashDisk(this.#disk, life.connections.keys(), this.#simulation.sometimes);
    this.#pausedUntilUs = 0;
    this.#busyUntilUs = 0;
    this.#diskFreeUs = 0;
    for (const connection of life.connections.values()) connection.onClose();
    life.connections.clear();
  }

  pause(forUs: number): void {
    this.#pausedUntilUs = Math.max(this.#pausedUntilUs, this.#simulation.queue.nowUs + forUs);
  }

  /** The node finds its memory full, and refuses what would take more. */
  runOutOfMemory(forUs: number): void {
    const { life } = this;
    const limit = (bytes: string): void => {
      this.#turn(life, ({ node }) =>
        node.request(["CONFIG", "SET", "maxmemory", bytes].map(utf8), () => {}),
      );
    };
    limit("1");
    this.#simulation.queue.after(forUs, () => limit("0"));
  }

  slowDown(forUs: number): void {
    this.#slowUntilUs = Math.max(this.#slowUntilUs, this.#simulation.queue.nowUs + forUs);
  }

  // ---- inputs

  receiveFrame(from: number, frame: Bytes, order: number, line?: Line): void {
    const simulation = this.#simulation;
    // A connection ends with the process at its end.
    if (line !== undefined && line.to !== this.life?.incarnation) return;
    this.#turn(this.life, (life) => {
      const decoded = decodeFrame(frame, life.node.shards);
      const sender = simulation.nameOf(from);
      if (!decoded.ok) {
        this.refusedFrameCount++;
        simulation.sometimes.add("corrupt_frame_refused");
        if (simulation.isTraced)
          simulation.trace(this.index, `refuse ${sender} #${order}: ${decoded.error}`);
        return;
      }
      if (simulation.isTraced) {
        const kinds = decoded.value
          .map(({ message }) => ("body" in message ? message.body.type : message.type))
          .join(" ");
        simulation.trace(this.index, `receive ${sender} #${order} ${kinds}`);
      }
      for (const message of decoded.value) life.node.receivePeer(sender, message, line?.from);
    });
  }

  /** Undefined while the process is down. */
  connect(connection: Connection): Session | undefined {
    const { life } = this;
    if (life === undefined) return undefined;
    const session = life.node.openSession("client", "node");
    life.connections.set(session, connection);
    return session;
  }

  disconnect(life: Life, session: Session): void {
    const connection = life.connections.get(session);
    if (connection === undefined) return;
    life.connections.delete(session);
    life.node.closeSession(session);
    connection.onClose();
  }

  /** The network resets every connection of a client. */
  resetConnections(): void {
    const { life } = this;
    if (life === undefined) return;
    for (const session of [...life.connections.keys()]) this.disconnect(life, session);
  }

  /** A client's bytes arrive; `around` runs them, and sees the node before and after. */
  receiveBytes(
    session: Session,
    bytes: Bytes,
    around: (life: Life, run: () => void) => void,
  ): void {
    this.#turn(this.life, (life) => {
      if (!life.connections.has(session)) return;
      this.#simulation.watcher?.asking?.(session);
      around(life, () => life.input.receive(session, bytes, 0, bytes.length));
      this.#simulation.watcher?.asked?.(session, life.node);
    });
  }

  /** Runs something in a turn of the node, as a face of the same process would. */
  perform(work: (life: Life) => void): void {
    this.#turn(this.life, work);
  }

  /** Looks at the node, between its turns, whatever the process is doing. */
  inspect(look: (life: Life) => void): void {
    if (this.life === undefined) return;
    look(this.life);
    this.#afterTurn(this.life);
  }

  // ---- turns

  /** Runs an input when the process is awake and has finished what came before. */
  #turn(life: Life | undefined, work: (life: Life) => void): void {
    if (life === undefined || life !== this.life) return;
    const { queue } = this.#simulation;
    const freeUs = Math.max(this.#pausedUntilUs, this.#busyUntilUs);
    if (freeUs > queue.nowUs) {
      queue.at(freeUs, () => this.#turn(life, work));
      return;
    }
    if (this.#slowUntilUs > queue.nowUs)
      this.#busyUntilUs = queue.nowUs + this.#prng.between(...slowTurnUs);
    life.node.beginTurn(this.clock.now(queue.nowUs));
    work(life);
    this.#afterTurn(life);
  }

  /** As `Drive.turn`: timers may have moved, the batch may be open. */
  #afterTurn(life: Life): void {
    if (life !== this.life) return;
    this.#simulation.watcher?.worked?.(this.name, life.node);
    if (life.node.wantsEndTurn) this.#openTurn(life);
    this.#arm(life);
  }

  #openTurn(life: Life): void {
    if (this.#isTurnOpen) return;
    this.#isTurnOpen = true;
    const { queue, profile } = this.#simulation;
    queue.after(this.#prng.below(profile.turnUs), () => this.#endTurn(life));
  }

  #endTurn(life: Life): void {
    if (life !== this.life) return;
    const { queue } = this.#simulation;
    if (this.#pausedUntilUs > queue.nowUs) {
      queue.at(this.#pausedUntilUs, () => this.#endTurn(life));
      return;
    }
    this.#isTurnOpen = false;
    if (life.node.wantsEndTurn) life.node.endTurn();
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const callback of deferred) callback();
    this.#afterTurn(life);
  }

  // ---- timers

  /** As `Drive.arm`. */
  #arm(life: Life): void {
    const due = life.node.nextDueMs();
    if (due === this.#dueMs) return;
    this.#dueMs = due;
    if (due === Number.POSITIVE_INFINITY) return;
    const simulation = this.#simulation;
    const delayUs = ((due - this.clock.now(simulation.queue.nowUs)) * 1000) / this.clock.rate;
    let us = Math.max(delayUs, timerUsMin);
    if (simulation.happens("timer_skip", this.index)) us += this.#prng.between(...skippedTimerUs);
    const copies = simulation.happens("timer_duplicate", this.index) ? 2 : 1;
    simulation.queue.after(us, () => {
      if (this.#dueMs !== due || life !== this.life) return;
      for (let copy = 0; copy < copies; copy++) this.#turn(life, () => this.#tick(life));
    });
  }

  #tick(life: Life): void {
    this.#dueMs = Number.POSITIVE_INFINITY;
    life.node.tick();
  }

  #runCron(life: Life): void {
    if (life !== this.life) return;
    const { queue } = this.#simulation;
    this.#turn(life, () => life.node.cron());
    queue.after(cronUs, () => this.#runCron(life));
  }

  // ---- the disk

  /** Of a node without logs: a record lives as long as the process, but may take a while. */
  #persist(life: Life, lsn: number): void {
    const { queue } = this.#simulation;
    const isSlow = this.#simulation.happens("disk_slow", this.index);
    if (!isSlow && this.#diskFreeUs <= queue.nowUs) {
      life.node.persisted(lsn);
      return;
    }
    // In order: a later record is never durable before an earlier one.
    const delayUs = isSlow ? this.#prng.between(...slowDiskUs) : 0;
    this.#diskFreeUs = Math.max(this.#diskFreeUs, queue.nowUs + delayUs);
    queue.at(this.#diskFreeUs, () => this.#turn(life, () => life.node.persisted(lsn)));
  }
}
