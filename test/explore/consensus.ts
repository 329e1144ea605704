// Acceptors and proposers of one register on three nodes: two clients, one crash, loss. Messages of
// a link arrive in order or not at all; time passes only when somebody's timer is chosen to run.
//
// A node is deterministic, so what it has been told is its state; the fingerprint is that and what
// is on its way. Schedules that differ only in the order of steps of different nodes meet.

import { decodeMessage, encodeMessage } from "../../src/consensus/codec.js";
import { firstConfiguration, type NodeId } from "../../src/consensus/configuration.js";
import type { OperationResult } from "../../src/consensus/context.js";
import { decodeRecord } from "../../src/consensus/records.js";
import { Registers } from "../../src/consensus/registers.js";
import type { World } from "../../src/sim/explorer.js";
import { change, decodeOutcome, encode, query, type TestOperation } from "../consensus/machine.js";
import { Monitor } from "../consensus/monitor.js";

const register = "r";
const names: readonly NodeId[] = ["n1", "n2", "n3"];

export interface ConsensusScope {
  /** Asked at the nodes of the same place. */
  readonly operations: readonly TestOperation["f"][];
  readonly dropsMax: number;
  /** Crashes of n3; it comes back with its disk, or without. */
  readonly crashesMax: number;
  /** How often a timer may run. */
  readonly ticksMax: number;
}

/** Nobody is suspected and nothing beats: only rounds have timers. */
const timing = { heartbeatMs: 1e8, suspectMs: 1e9, inUseMs: 1 };

interface Place {
  registers: Registers;
  incarnation: number;
  stateIncarnation: number;
  durable: Uint8Array[];
  /** All that it was told, as text. */
  told: string[];
}

export class ConsensusWorld implements World {
  readonly #scope: ConsensusScope;
  readonly #monitor = new Monitor(2);
  readonly #places: Place[];
  /** By `from to`, oldest first. */
  readonly #links = new Map<string, Uint8Array[]>();
  readonly #asked = new Set<number>();
  readonly #results = new Map<number, OperationResult>();
  readonly #met = new Set<string>();
  #nowMs = 1000;
  #drops = 0;
  #crashes = 0;
  #ticks = 0;

  constructor(scope: ConsensusScope) {
    this.#scope = scope;
    this.#places = names.map((_, index) => this.#newPlace(index, 1, 1, []));
  }

  #newPlace(
    index: number,
    incarnation: number,
    stateIncarnation: number,
    durable: Uint8Array[],
  ): Place {
    const self = names[index]!;
    const registers: Registers = new Registers(
      { self, incarnation, stateIncarnation, configuration: firstConfiguration(names), timing },
      {
        send: (to, message) => this.#push(index, names.indexOf(to), encodeMessage(message)),
        persist: (lsn, record) => {
          place.durable.push(record);
          const decoded = decodeRecord(record);
          if (decoded.kind === "accepted")
            this.#monitor.onVote(self, decoded.register, decoded.ballot, decoded.value.state);
          registers.persisted(this.#nowMs, lsn);
        },
        change,
        query,
        complete: (ticket, result) => this.#complete(ticket, result),
        random: () => 0.5,
      },
    );
    const place: Place = { registers, incarnation, stateIncarnation, durable, told: [] };
    for (const record of [...durable]) registers.recover(record);
    return place;
  }

  #push(from: number, to: number, bytes: Uint8Array): void {
    const link = `${from} ${to}`;
    const waiting = this.#links.get(link) ?? [];
    this.#links.set(link, [...waiting, bytes]);
  }

  #complete(ticket: number, result: OperationResult): void {
    this.#results.set(ticket, result);
    if (result.kind === "error") {
      if (result.error === "temporarily_unavailable") this.#monitor.onDefiniteError(ticket);
      this.#met.add(`an operation ends with ${result.error}`);
      return;
    }
    const outcome = decodeOutcome(result.outcome);
    const f = this.#scope.operations[ticket]!;
    this.#monitor.onOk(ticket, f !== "read" && "ok" in outcome);
    this.#met.add("an operation succeeds");
  }

  choices(): string[] {
    const found: string[] = [];
    this.#scope.operations.forEach((_, id) => {
      if (!this.#asked.has(id)) found.push(`ask ${id}`);
    });
    for (const [link, waiting] of [...this.#links].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (waiting.length === 0) continue;
      found.push(`deliver ${link}`);
      if (this.#drops < this.#scope.dropsMax) found.push(`drop ${link}`);
    }
    if (this.#crashes < this.#scope.crashesMax) found.push("crash keep", "crash lose");
    if (this.#ticks < this.#scope.ticksMax)
      this.#places.forEach(({ registers }, index) => {
        if (registers.nextDueMs() < 1e6) found.push(`tick ${index}`);
      });
    return found;
  }

  take(choice: string): void {
    const [verb, first, second] = choice.split(" ") as [string, string, string];
    if (verb === "ask") this.#ask(Number(first));
    else if (verb === "deliver") this.#deliver(Number(first), Number(second));
    else if (verb === "drop") {
      this.#drops++;
      this.#links.set(`${first} ${second}`, this.#links.get(`${first} ${second}`)!.slice(1));
    } else if (verb === "crash") this.#crash(first === "lose");
    else this.#tick(Number(first));
  }

  #ask(id: number): void {
    this.#asked.add(id);
    const place = this.#places[id]!;
    const f = this.#scope.operations[id]!;
    place.told.push(`ask ${id}`);
    const input = f === "cas" ? ["x", "y"] : "x";
    const kind = f === "read" ? "read" : f === "cas" ? "conditional" : "write";
    place.registers.submit(this.#nowMs, id, register, encode({ id, f, input }), kind);
  }

  #deliver(from: number, to: number): void {
    const [bytes, ...rest] = this.#links.get(`${from} ${to}`)!;
    this.#links.set(`${from} ${to}`, rest);
    const place = this.#places[to]!;
    place.told.push(`${from}:${Buffer.from(bytes!).toString("base64")}`);
    place.registers.receive(this.#nowMs, names[from]!, decodeMessage(bytes!));
  }

  #crash(losesState: boolean): void {
    this.#crashes++;
    const index = 2;
    const { incarnation, stateIncarnation, durable } = this.#places[index]!;
    const next = incarnation + 1;
    const state = losesState ? next : stateIncarnation;
    this.#places[index] = this.#newPlace(index, next, state, losesState ? [] : durable);
    this.#places[index].told.push(losesState ? "blank" : "recovered");
    // What the old process had said is still on its way.
    this.#met.add(losesState ? "a node forgets" : "a node comes back with its disk");
  }

  #tick(index: number): void {
    this.#ticks++;
    const place = this.#places[index]!;
    this.#nowMs = Math.max(this.#nowMs, place.registers.nextDueMs());
    place.told.push(`tick ${this.#nowMs}`);
    place.registers.tick(this.#nowMs);
  }

  fingerprint(): string {
    const links = [...this.#links]
      .filter(([, waiting]) => waiting.length > 0)
      .map(([link, waiting]) => `${link}:${waiting.map((b) => Buffer.from(b).toString("base64"))}`)
      .sort();
    const durable = this.#places.map((place) => place.durable.length);
    return [
      ...this.#places.map(({ told, incarnation }) => `${incarnation} ${told.join()}`),
      ...[links.join(";"), durable.join(), this.#nowMs, this.#drops, this.#ticks],
    ].join("|");
  }

  always(): void {
    for (const { registers } of this.#places) registers.verifyInvariants();
    const [violation] = this.#monitor.violations;
    if (violation !== undefined) throw new Error(violation);
  }

  sometimes(): string[] {
    const met = [...this.#met];
    if (this.#monitor.chosenCount > 0) met.push("a value is chosen");
    if (this.#monitor.chosenCount > 1) met.push("two values are chosen, one after the other");
    for (const { registers } of this.#places)
      if (registers.counters.roundsPreempted > 0) met.push("a round is pre-empted");
    return met;
  }

  /** Without further loss everything asked comes to an end, and the rules still hold. */
  finish(): void {
    for (let step = 0; step < 2000 && this.#results.size < this.#asked.size; step++) {
      const link = [...this.#links].find(([, waiting]) => waiting.length > 0)?.[0];
      if (link !== undefined) this.take(`deliver ${link}`);
      else {
        const due = this.#places.map(({ registers }) => registers.nextDueMs());
        const soonest = Math.min(...due);
        if (soonest > 1e6) break;
        this.take(`tick ${due.indexOf(soonest)}`);
      }
    }
    // Who asked a node that crashed since hears nothing any more.
    for (const id of this.#asked)
      if (!this.#results.has(id) && !(id === 2 && this.#crashes > 0))
        throw new Error(`operation ${id} never ends`);
    this.always();
  }
}
