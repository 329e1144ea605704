// The acceptors of one node, one per register: consensus-rules 1, 2, 8 and 14; CASPaxos phases 1b
// and 2b. A reply is a promise to remember, so each names the log position that must be durable
// before it leaves; that also holds for a read, which reports a vote. Nothing is sent from here.

import { assert } from "../base/assert.js";
import {
  type Ballot,
  ballotText,
  compareBallots,
  equalBallots,
  maxBallot,
  zeroBallot,
} from "./ballot.js";
import type { Accept, Body, Erase, Prepare, Read } from "./messages.js";
import { type AcceptorRecord, encodeRecord } from "./records.js";
import { isTombstone, type RegisterValue } from "./register-value.js";

/** A vote. Immutable: it is shared between acceptor, proposer and messages. */
export interface Accepted {
  readonly ballot: Ballot;
  readonly value: RegisterValue;
}

interface Slot {
  promised: Ballot;
  /** Undefined: the register is blank. */
  accepted: Accepted | undefined;
  /** Position of the last record about this register. */
  lsn: number;
}

/** A reply and the log position that must be durable before it leaves. */
export interface ParkedReply {
  readonly lsn: number;
  readonly body: Body;
}

export class Acceptor {
  readonly #slots = new Map<string, Slot>();
  readonly #persist: (record: Uint8Array) => number;
  /** What every blank register has promised: it may once have held votes up to this (rule 14). */
  #floor: Ballot = zeroBallot;

  /** @param persist takes a record and returns its log position; positions grow. */
  constructor(persist: (record: Uint8Array) => number) {
    this.#persist = persist;
  }

  get floor(): Ballot {
    return this.#floor;
  }

  get registerCount(): number {
    return this.#slots.size;
  }

  /**
   * What this acceptor has promised on the register: a proposer beside it starts above that (rule
   * 1).
   */
  promisedOf(register: string): Ballot {
    return this.#slots.get(register)?.promised ?? this.#floor;
  }

  acceptedOf(register: string): Accepted | undefined {
    return this.#slots.get(register)?.accepted;
  }

  /** Promises iff ballot >= promised and ballot > accepted (rule 2). */
  // Spec: LinearizableRegister.Promise.
  onPrepare({ register, ballot, known }: Prepare): ParkedReply {
    const slot = this.#slotOf(register);
    const accepted = slot.accepted;
    if (
      compareBallots(ballot, slot.promised) < 0 ||
      (accepted !== undefined && compareBallots(ballot, accepted.ballot) <= 0)
    ) {
      return this.#rejected(slot, "prepare", register, ballot);
    }
    if (!equalBallots(ballot, slot.promised)) {
      slot.promised = ballot;
      this.#record(slot, { kind: "promised", register, ballot });
    }
    const report = reportOf(accepted, known);
    return {
      lsn: slot.lsn,
      body: { type: "promise", register, ballot, ...report, floor: this.#floor },
    };
  }

  /** Votes iff ballot >= promised, and says so again for the very ballot it voted for (rule 2). */
  // Spec: LinearizableRegister.Vote.
  onAccept({ register, ballot, value, next }: Accept, isIdle: boolean): ParkedReply {
    const slot = this.#slotOf(register);
    const isRepeated = slot.accepted !== undefined && equalBallots(slot.accepted.ballot, ballot);
    if (!isRepeated) {
      if (compareBallots(ballot, slot.promised) < 0)
        return this.#rejected(slot, "accept", register, ballot);
      // A vote is also a promise, here for the proposer's next ballot: whoever prepares between the
      // two is refused, so the proposer knows that nothing was accepted since (rule 3).
      slot.accepted = { ballot, value };
      slot.promised = next;
      this.#record(slot, { kind: "accepted", register, ballot, value, next });
    }
    // Erasing shows as the floor, so only a ballot above it can tell old envelopes from new ones.
    const mayForget = isIdle && compareBallots(ballot, this.#floor) > 0;
    return { lsn: slot.lsn, body: { type: "accepted", register, ballot, isIdle: mayForget } };
  }

  /** Forgets a tombstone that everybody may forget, unless something was voted for since (14). */
  onErase({ register, ballot }: Erase): boolean {
    const slot = this.#slots.get(register);
    if (slot?.accepted === undefined || !equalBallots(slot.accepted.ballot, ballot)) return false;
    if (!isTombstone(slot.accepted.value)) return false;
    // Late prepares and accepts of the register must still be refused.
    this.#floor = maxBallot(this.#floor, maxBallot(slot.promised, ballot));
    this.#slots.delete(register);
    this.#persist(encodeRecord({ kind: "erased", register, floor: this.#floor }));
    return true;
  }

  /** Reports the vote; promises play no part (rule 8). */
  // Spec: LinearizableRegister.Report.
  onRead({ register, id, known }: Read, reader: number): ParkedReply {
    const slot = this.#slots.get(register);
    const body: Body = {
      type: "read_ok",
      register,
      id,
      reader,
      ...reportOf(slot?.accepted, known),
    };
    return { lsn: slot?.lsn ?? 0, body };
  }

  /** Replays one record at start, in log order. */
  recover(record: AcceptorRecord): void {
    if (record.kind === "erased") {
      this.#slots.delete(record.register);
      this.#floor = maxBallot(this.#floor, record.floor);
      return;
    }
    const slot = this.#slotOf(record.register);
    if (record.kind === "promised") {
      slot.promised = record.ballot;
    } else {
      slot.accepted = { ballot: record.ballot, value: record.value };
      slot.promised = record.next;
    }
  }

  /**
   * Takes what another acceptor holds (rule 15): the higher vote, the higher promise, the higher
   * floor. Only an acceptor that has not voted yet may do that.
   */
  join(record: AcceptorRecord): void {
    if (record.kind === "erased") {
      if (compareBallots(record.floor, this.#floor) <= 0) return;
      this.#floor = record.floor;
      this.#persist(encodeRecord({ kind: "erased", register: "", floor: record.floor }));
      return;
    }
    const { register } = record;
    const slot = this.#slotOf(register);
    const promise = record.kind === "promised" ? record.ballot : record.next;
    slot.promised = maxBallot(slot.promised, promise);
    if (record.kind === "accepted") {
      const { ballot, value } = record;
      const isHigher =
        slot.accepted === undefined || compareBallots(ballot, slot.accepted.ballot) > 0;
      if (isHigher) slot.accepted = { ballot, value };
    }
    this.#record(slot, recordOf(register, slot));
  }

  /**
   * Takes a vote of an epoch that is over and that this acceptor, which votes itself, may have
   * missed. One of the present epoch is nothing to be copied: it would need a promise.
   */
  learn(record: AcceptorRecord, epoch: number): void {
    if (record.kind !== "accepted" || record.ballot.epoch >= epoch) return;
    const { register, ballot, value } = record;
    if (compareBallots(ballot, this.#floor) <= 0) return;
    const slot = this.#slotOf(register);
    if (slot.accepted !== undefined && compareBallots(ballot, slot.accepted.ballot) <= 0) return;
    slot.accepted = { ballot, value };
    slot.promised = maxBallot(slot.promised, ballot);
    this.#record(slot, recordOf(register, slot));
  }

  registers(): IterableIterator<string> {
    return this.#slots.keys();
  }

  floorRecord(): AcceptorRecord {
    return { kind: "erased", register: "", floor: this.#floor };
  }

  /** Undefined: the register was collected meanwhile. */
  recordOf(register: string): AcceptorRecord | undefined {
    const slot = this.#slots.get(register);
    return slot === undefined ? undefined : recordOf(register, slot);
  }

  /** Records that rebuild the present state, for a checkpoint. */
  *records(): Generator<AcceptorRecord> {
    yield this.floorRecord();
    for (const [register, slot] of this.#slots) yield recordOf(register, slot);
  }

  verifyInvariants(): void {
    for (const [register, { accepted, promised }] of this.#slots) {
      const isAbove = accepted === undefined || compareBallots(accepted.ballot, promised) <= 0;
      assert(isAbove, `${register}: voted above the promise ${ballotText(promised)}`);
    }
  }

  #slotOf(register: string): Slot {
    let slot = this.#slots.get(register);
    if (slot === undefined) {
      slot = { promised: this.#floor, accepted: undefined, lsn: 0 };
      this.#slots.set(register, slot);
    }
    return slot;
  }

  #record(slot: Slot, record: AcceptorRecord): void {
    slot.lsn = this.#persist(encodeRecord(record));
  }

  /** A refusal promises nothing, so it need not wait for the disk. */
  #rejected(
    { promised }: Slot,
    phase: "prepare" | "accept",
    register: string,
    ballot: Ballot,
  ): ParkedReply {
    return { lsn: 0, body: { type: "rejected", register, ballot, phase, promised } };
  }
}

const recordOf = (register: string, { accepted, promised }: Slot): AcceptorRecord =>
  accepted === undefined
    ? { kind: "promised", register, ballot: promised }
    : { kind: "accepted", register, ...accepted, next: promised };

/** The accepted ballot, and its value unless the asker holds that already. */
function reportOf(
  accepted: Accepted | undefined,
  known: Ballot | undefined,
): { accepted: Ballot | undefined; value: RegisterValue | undefined } {
  if (accepted === undefined) return { accepted: undefined, value: undefined };
  const isKnown = known !== undefined && equalBallots(known, accepted.ballot);
  return { accepted: accepted.ballot, value: isKnown ? undefined : accepted.value };
}
