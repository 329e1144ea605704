// The node's log: what must be durable before something leaves. It takes the open batch of a node
// alone as states (keyspace/redo-log.ts), of a node with peers as the batches that they exchange,
// and the records of the registers' acceptor; and it knows what waits for which group of records:
// replies (wire/held-replies.ts), messages to peers, votes.
//
// Under `always` nothing leaves that depends on what is not durable: a reply or a message about
// state waits for the group that is open when it is made, for whatever it tells is in that group or
// before it (merge-rules 15). A vote waits under every policy (consensus-rules 2).
//
// Order: whoever seals a group closes the open batch first (`#flush`), else a reply could be
// released by a group that its write is not part of.
//
// While the log is fenced, writes are refused by a gate, reads are answered, and peers are told
// nothing. What they send is not taken in: it will be repaired.

import { assert } from "../base/assert.js";
import { type Bytes, ByteWriter } from "../base/bytes.js";
import type { Registers } from "../consensus/registers.js";
import type { Batch } from "../keyspace/batch.js";
import { encodeBatch } from "../keyspace/batch-codec.js";
import type { Keyspace } from "../keyspace/keyspace.js";
import { indexCodec } from "../keyspace/redo-codec.js";
import { RedoLog } from "../keyspace/redo-log.js";
import type { Shards } from "../keyspace/shards.js";
import type { Disk, DiskError } from "../storage/disk.js";
import { checkpointLsn, type RecordKind, recordKinds } from "../storage/frame.js";
import { encodeNames } from "../storage/names.js";
import { encodeStart, type StartRecord } from "../storage/start-record.js";
import type { StoreStream } from "../storage/store-stream.js";
import { type SegmentPlace, type SyncPolicy, Wal } from "../storage/wal.js";

/** Messages that may wait for the disk; further ones are lost, as the network might lose them. */
export const heldMessagesMax = 10_000;

/** Under `everysec` and `no`, records are written when there are so many bytes of them. */
const gatheredBytes = 256 * 1024;

export interface JournalOptions {
  readonly disk: Disk;
  readonly start: StartRecord;
  readonly nextLsn: number;
  readonly nextSegment: number;
  readonly segmentBytes: number;
  /** Files of earlier processes. */
  readonly segments: readonly SegmentPlace[];
}

/** The parts of the node that are logged. */
export interface JournalSource {
  readonly keyspace: Keyspace;
  readonly shards: Shards;
  readonly registers: Registers;
  readonly nowMs: number;
}

interface Waiting {
  readonly group: number;
  readonly run: () => void;
}

export class Journal {
  readonly wal: Wal;
  readonly disk: Disk;
  /** Undefined on a node with peers, which logs batches. */
  readonly redo: RedoLog | undefined;
  start: StartRecord;
  /** Messages that were dropped because too many waited. */
  droppedMessages = 0;
  /** Something has become safe, or never will by itself: who holds replies looks. */
  onSafe: (() => void) | undefined;
  onFence: ((error: DiskError | undefined) => void) | undefined;

  /** Takes the log into an object store; what that lacks is not removed. */
  stream: StoreStream | undefined;

  readonly #source: JournalSource;
  /** What the checkpoint has made needless. */
  #needlessBelow = 0;
  /** What waits for a group, in the order of groups. */
  readonly #waiting: Waiting[] = [];
  /** Messages to peers; they wait also while replies do not. */
  readonly #messages: Waiting[] = [];
  /** What waits for the disk whatever the policy: the ends of checkpoints. */
  readonly #durable: Waiting[] = [];
  /** Names of replicas that the log has. */
  #namesLogged = 0;
  /** Votes that the registers wait for: the last of each group. */
  #votes: { group: number; lsn: number }[] = [];
  #isFlushing = false;

  constructor(source: JournalSource, options: JournalOptions) {
    this.#source = source;
    this.disk = options.disk;
    this.start = options.start;
    const { nextLsn, nextSegment, segmentBytes, segments, start } = options;
    this.wal = new Wal(
      options.disk,
      { policy: start.policy, segmentBytes, nextLsn, nextSegment, segments },
      {
        onSafe: () => this.#onSafe(),
        onFence: (error) => this.onFence?.(error),
        onSegment: (add) => this.#onSegment(add),
      },
    );
    const { shards, keyspace } = source;
    this.redo = shards.isOpen ? undefined : new RedoLog();
    keyspace.redo = this.redo;
    shards.onApplied = (batches) => this.logBatches(batches);
    shards.onJoined = (state) => this.#log(recordKinds.state, keyspace.clock.last, state);
    shards.onReleased = (released) =>
      this.#log(recordKinds.released, keyspace.clock.last, shards.released.encode(released));
  }

  // ---- who writes

  /** Says who writes from now on; durable when this returns. @throws DiskError */
  begin(): void {
    this.#namesLogged = this.#source.keyspace.replicas.count;
    this.#log(recordKinds.start, 0, encodeStart(this.start));
    this.wal.forceNow(this.#source.nowMs);
  }

  /**
   * The last record of a process that ends in order; durable when this returns. @throws DiskError
   */
  end(): void {
    this.closeOpenBatch();
    this.#log(recordKinds.clean, this.#source.keyspace.clock.last, new Uint8Array(0));
    this.wal.forceNow(this.#source.nowMs);
  }

  /** The policy from now on; what was written under another one is forced first. */
  setPolicy(policy: SyncPolicy): void {
    if (policy === this.wal.policy) return;
    this.start = { ...this.start, policy };
    this.wal.policy = policy;
    this.#log(recordKinds.start, 0, encodeStart(this.start), true);
  }

  #onSegment(add: (kind: RecordKind, payload: Bytes) => void): void {
    add(recordKinds.start, encodeStart(this.start));
    add(recordKinds.names, encodeNames(this.#source.keyspace.replicas, 0));
  }

  // ---- records

  /** Ends the open batch of a node alone and logs what it changed. */
  closeBatch(): void {
    const { keyspace } = this.#source;
    const { redo } = this;
    assert(redo !== undefined, "a node with peers closes batches by its shards");
    const body = redo.take(keyspace);
    const time = keyspace.endBatch();
    if (body.length === 0) return;
    this.#log(recordKinds.redo, time === 0 ? keyspace.clock.last : time, body);
    redo.clear();
  }

  /** Batches in the order in which they were joined, one's own among them. */
  logBatches(batches: readonly Batch[]): void {
    const body = new ByteWriter();
    body.varint(batches.length);
    let time = 0;
    for (const batch of batches) {
      encodeBatch(body, batch, indexCodec);
      time = Math.max(time, batch.time);
    }
    this.#log(recordKinds.batches, time, body.view());
  }

  /**
   * A record of the registers; `Registers.persisted` follows when it is durable. What the same
   * client wrote before stands before it, or a torn write would keep the later and lose the former.
   */
  persist(lsn: number, record: Bytes): void {
    this.closeOpenBatch();
    this.#log(recordKinds.consensus, 0, record, true);
    this.#votes.push({ group: this.wal.openGroup, lsn });
  }

  #log(kind: RecordKind, time: number, body: Bytes, isUrgent = false): void {
    const { replicas } = this.#source.keyspace;
    const { nowMs } = this.#source;
    if (replicas.count > this.#namesLogged) {
      const names = encodeNames(replicas, this.#namesLogged);
      this.#namesLogged = replicas.count;
      this.wal.append(recordKinds.names, names, 0, nowMs);
    }
    this.wal.append(kind, body, time, nowMs, isUrgent);
  }

  /** Ends the open batch, whatever the node is. */
  closeOpenBatch(): void {
    if (this.redo !== undefined) this.closeBatch();
    else this.#source.shards.settle();
  }

  // ---- the disk

  /**
   * Whether the end of the turn has something to write. Where no reply waits for the disk, a system
   * call for each turn would cost more than the commands do: records are gathered for a while.
   */
  get wantsEndTurn(): boolean {
    const { wal } = this;
    if (wal.policy !== "always" && !wal.isUrgent) return wal.unwrittenBytes >= gatheredBytes;
    return wal.wantsFlush || (this.redo !== undefined && this.#source.keyspace.hasOpenBatch);
  }

  /** The end of a turn. */
  endTurn(): void {
    if (this.wantsEndTurn) this.flush();
  }

  /** Writes what was recorded; about every 100 ms at the latest (`NodeStorage.cron`). */
  flush(): void {
    this.closeOpenBatch();
    this.wal.flush(this.#source.nowMs);
  }

  tick(): void {
    const { nowMs } = this.#source;
    if (nowMs < this.wal.nextDueMs()) return;
    this.closeOpenBatch();
    this.wal.tick(nowMs);
  }

  nextDueMs(): number {
    return this.wal.nextDueMs();
  }

  // ---- what waits

  /** Whether what leaves now must wait for the disk. */
  get mustHold(): boolean {
    const { wal } = this;
    if (wal.policy !== "always") return wal.isCrowded;
    if (wal.isFenced) return false;
    return this.#source.keyspace.hasOpenBatch || wal.hasUnsafe;
  }

  /**
   * The group after which what is told now may leave. 0: behind what waits already, for nothing of
   * its own; the group that is open may not be forced for a long time.
   */
  get heldGroup(): number {
    if (!this.mustHold) return 0;
    return this.#groupOfNews;
  }

  /** Whether what is told now does not leave at once. */
  get isHolding(): boolean {
    return this.#waiting.length > 0 || this.mustHold;
  }

  /** Runs `run` when all that it may tell of is durable: at once, or in the order of the calls. */
  whenSafe(run: () => void): void {
    if (!this.isHolding) run();
    else if (this.#waiting.length >= heldMessagesMax) this.droppedMessages++;
    else this.#waiting.push({ group: this.heldGroup, run });
  }

  /** Whether what a peer is told now does not leave at once. */
  get isHoldingMessages(): boolean {
    return this.#messages.length > 0 || this.#mustHoldMessages;
  }

  /**
   * Also while the log is fenced: what could not be written is lost with the process, and a peer
   * that had it would wait in vain for what comes after it under the same name.
   */
  get #mustHoldMessages(): boolean {
    const { policy, isFenced } = this.wal;
    return this.mustHold || (isFenced && policy === "always");
  }

  /** As `whenSafe`, for a message to a peer. */
  tellPeer(run: () => void): void {
    if (!this.isHoldingMessages) run();
    else if (this.#messages.length >= heldMessagesMax) this.droppedMessages++;
    else {
      const group = this.#mustHoldMessages ? this.#groupOfNews : 0;
      this.#messages.push({ group, run });
    }
  }

  /** The group after which everything that is known now is safe. */
  get #groupOfNews(): number {
    const { wal } = this;
    return this.#source.keyspace.hasOpenBatch ? wal.openGroup : wal.unsafeGroup;
  }

  /**
   * Runs `run` when everything recorded so far is durable, which is seen to whatever the policy.
   */
  whenDurable(run: () => void): void {
    this.closeOpenBatch();
    if (!this.wal.hasUnsafe) {
      run();
      return;
    }
    this.#durable.push({ group: this.wal.unsafeGroup, run });
    this.wal.force(this.#source.nowMs);
  }

  /** Removes what a checkpoint that begins with an LSN has made needless. @throws DiskError */
  truncateBelow(lsn: number): void {
    this.#needlessBelow = Math.max(this.#needlessBelow, lsn);
    this.truncate();
  }

  /** Removes what neither recovery nor the object store needs. @throws DiskError */
  truncate(): void {
    const { stream } = this;
    for (const { name } of this.disk.list()) {
      const other = checkpointLsn(name);
      const isNeedless = other !== undefined && other < this.#needlessBelow;
      if (isNeedless && name !== stream?.pinned) this.disk.remove(name);
    }
    const mark = stream === undefined ? Number.POSITIVE_INFINITY : stream.mark;
    this.wal.truncateBelow(Math.min(this.#needlessBelow, mark + 1));
  }

  // Spec: WalDurability.Tell.
  #onSafe(): void {
    const { safeGroup } = this.wal;
    let voted = 0;
    while (this.#votes.length > 0 && this.#votes[0]!.group <= safeGroup)
      voted = this.#votes.shift()!.lsn;
    if (voted > 0) this.#source.registers.persisted(this.#source.nowMs, voted);
    for (const queue of [this.#waiting, this.#messages, this.#durable]) {
      let count = 0;
      while (count < queue.length && queue[count]!.group <= safeGroup) count++;
      for (const { run } of queue.splice(0, count)) run();
    }
    this.onSafe?.();
    // What was collected meanwhile is the next group.
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    this.endTurn();
    this.#isFlushing = false;
  }
}
