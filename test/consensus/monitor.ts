// Watches the votes that leave acceptors and judges what is chosen: the chosen states of a register
// form one chain (each one's log is a prefix of the next one's), nothing is applied twice, an
// operation that was told ok is in a chosen state by then, and one that was told a definite error
// is in none, ever.

import { type Ballot, ballotText, compareBallots } from "../../src/consensus/ballot.js";
import type { NodeId } from "../../src/consensus/configuration.js";
import { decodeState } from "./machine.js";

interface Proposal {
  readonly ballot: Ballot;
  readonly log: readonly number[];
  readonly voters: Set<NodeId>;
  isChosen: boolean;
}

export class Monitor {
  readonly violations: string[] = [];
  chosenCount = 0;
  readonly #majority: number;
  /** By register, then by ballot. */
  readonly #proposals = new Map<string, Map<string, Proposal>>();
  readonly #chosenIds = new Set<number>();
  readonly #definiteIds = new Set<number>();

  /** Set where registers are deleted: a log begins anew then, so chains and oks prove nothing. */
  forgets = false;

  constructor(majority: number) {
    this.#majority = majority;
  }

  /** A vote that has become durable. */
  onVote(from: NodeId, register: string, ballot: Ballot, state: Uint8Array): void {
    this.#note(register, ballot, state);
    this.#count(from, register, ballot);
  }

  onOk(id: number, changes: boolean): void {
    if (changes && !this.forgets && !this.#chosenIds.has(id))
      this.#violate(`operation ${id} was told ok but is in no chosen state`);
  }

  onDefiniteError(id: number): void {
    this.#definiteIds.add(id);
    if (this.#chosenIds.has(id))
      this.#violate(`operation ${id} was called off after it was chosen`);
  }

  #note(register: string, ballot: Ballot, state: Uint8Array): void {
    let proposals = this.#proposals.get(register);
    if (proposals === undefined) {
      proposals = new Map();
      this.#proposals.set(register, proposals);
    }
    const { log } = decodeState(state);
    const known = proposals.get(ballotText(ballot));
    if (known === undefined) {
      proposals.set(ballotText(ballot), { ballot, log, voters: new Set(), isChosen: false });
    } else if (known.log.join() !== log.join()) {
      this.#violate(`${register}: ballot ${ballotText(ballot)} carries two values`);
    }
  }

  #count(from: NodeId, register: string, ballot: Ballot): void {
    const proposal = this.#proposals.get(register)!.get(ballotText(ballot))!;
    proposal.voters.add(from);
    if (proposal.isChosen || proposal.voters.size < this.#majority) return;
    proposal.isChosen = true;
    this.chosenCount++;
    this.#judge(register, proposal);
  }

  #judge(register: string, chosen: Proposal): void {
    if (new Set(chosen.log).size !== chosen.log.length)
      this.#violate(`${register}: applied twice in ${chosen.log.join()}`);
    for (const id of chosen.log) {
      this.#chosenIds.add(id);
      if (this.#definiteIds.has(id))
        this.#violate(`${register}: operation ${id} was called off, then chosen`);
    }
    for (const other of this.#proposals.get(register)!.values()) {
      if (!other.isChosen || other === chosen || this.forgets) continue;
      const order = compareBallots(other.ballot, chosen.ballot);
      const [below, above] = order < 0 ? [other, chosen] : [chosen, other];
      if (!below.log.every((id, i) => above.log[i] === id)) {
        const [a, b] = [ballotText(below.ballot), ballotText(above.ballot)];
        this.#violate(`${register}: chosen ${a} [${below.log}] is lost in ${b} [${above.log}]`);
      }
    }
  }

  #violate(text: string): void {
    if (this.violations.length < 20) this.violations.push(text);
  }
}
