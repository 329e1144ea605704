// The search of linearizability.ts for one key. A configuration is: which definite operations are
// placed, how many of each class of equal indefinite operations are used, and the model's state.
// States and operations are interned to small integers, so that the search itself works on numbers
// only.

import { canonical } from "./canonical.js";
import { closedAt, type Operation, type Verdict } from "./history.js";
import { ConfigurationMemo } from "./linearization-memo.js";
import { type Constraint, impossible, type Model } from "./model.js";

export interface SearchResult {
  readonly verdict: Verdict;
  readonly operationCount: number;
  readonly indefiniteCount: number;
  readonly statesExplored: number;
  readonly longestPrefix?: readonly Operation[];
  readonly state?: string;
  readonly stuck?: readonly { operation: Operation; reason: string }[];
}

/** Orders the operations of one key, or shows how far an order can reach. */
export function searchLinearization<State>(
  operations: readonly Operation[],
  model: Model<State>,
  statesMax: number,
): SearchResult {
  return new Search(operations, model).run(statesMax);
}

const IMPOSSIBLE = -1;
const NONE = -1;

/** Equal indefinite operations in the order of invocation, which is the order they are used in. */
interface IndefiniteClass {
  readonly label: number;
  readonly operations: readonly Operation[];
}

/** One placed operation, and what has to be restored when it is taken back. */
interface Frame {
  /** The index of a definite operation, or -1 - c for the next operation of class c. */
  readonly placed: number;
  readonly stateBefore: number;
  readonly baseBefore: number;
  readonly needyBefore: number;
  /** Where the untried candidates of the configuration before it begin. */
  readonly untriedFrom: number;
}

class Search<State> {
  readonly #model: Model<State>;
  /** Sorted by invocation, as are their times and labels in the arrays below. */
  readonly #definite: readonly Operation[];
  readonly #invokedAt: Float64Array;
  readonly #closedAt: Float64Array;
  readonly #isPure: readonly boolean[];
  readonly #labels: Int32Array;
  readonly #classes: readonly IndefiniteClass[];
  /** One operation per label: operations with equal labels behave equally in every state. */
  readonly #labelled: Operation[] = [];
  readonly #labelIds = new Map<string, number>();
  readonly #states: State[] = [];
  readonly #stateIds = new Map<string, number>();
  readonly #steps = new Map<number, number>();
  readonly #memo: ConfigurationMemo;

  // The configuration.
  readonly #isPlaced: Uint8Array;
  readonly #used: Uint32Array;
  #placedCount = 0;
  /** The first definite operation that is not placed. */
  #base = 0;
  #state: number;
  /** If an indefinite operation was placed last: the state before it. What follows must need it. */
  #stateBeforeIndefinite = NONE;

  readonly #frames: Frame[] = [];
  /** The untried candidates of every configuration on the path, one block after the other. */
  readonly #untried: number[] = [];
  #best: number[] = [];
  #bestCount = -1;
  /** Below this depth the path has not changed since it was copied to `#best`. */
  #depthShared = 0;

  constructor(operations: readonly Operation[], model: Model<State>) {
    this.#model = model;
    const byInvocation = [...operations].sort((a, b) => a.invokedAt - b.invokedAt);
    const those = (constraint: Constraint): Operation[] =>
      byInvocation.filter((operation) => model.constraint(operation) === constraint);
    this.#definite = those("must");
    this.#invokedAt = Float64Array.from(this.#definite, (operation) => operation.invokedAt);
    this.#closedAt = Float64Array.from(this.#definite, closedAt);
    this.#isPure = this.#definite.map((operation) => model.isPure(operation));
    this.#labels = Int32Array.from(this.#definite, (operation) => this.#labelOf(operation));
    this.#classes = this.#classify(those("may"));
    this.#isPlaced = new Uint8Array(this.#definite.length);
    this.#used = new Uint32Array(this.#classes.length);
    this.#memo = new ConfigurationMemo(this.#classes.length > 0);
    this.#state = this.#intern(model.initial);
  }

  run(statesMax: number): SearchResult {
    let statesExplored = 1;
    let untriedFrom = 0;
    this.#findCandidates();
    while (this.#placedCount < this.#definite.length) {
      if (this.#untried.length > untriedFrom) {
        if (statesExplored === statesMax) return this.#result("unknown", statesExplored);
        statesExplored++;
        this.#place(this.#untried.pop()!, untriedFrom);
        untriedFrom = this.#untried.length;
        this.#findCandidates();
      } else {
        this.#rememberBest();
        if (this.#frames.length === 0) return this.#result("invalid", statesExplored);
        untriedFrom = this.#takeBack();
      }
    }
    return this.#result("valid", statesExplored);
  }

  /**
   * Pushes what may come next, most promising last: definite before indefinite, early before late.
   */
  #findCandidates(): void {
    const { firstReply, end, pure } = this.#scanWindow();
    if (pure !== NONE) {
      // Wherever it stands it leaves the state alone, so placing it now loses nothing: no other
      // choice.
      this.#pushIfNeeded(pure, this.#labels[pure]!);
      return;
    }
    if (
      this.#memo.isHopeless(this.#state, this.#base, this.#placedCount, this.#isPlaced, this.#used)
    )
      return;
    for (let c = this.#classes.length - 1; c >= 0; c--) {
      const { label, operations } = this.#classes[c]!;
      const next = operations[this.#used[c]!];
      if (next === undefined || next.invokedAt > firstReply) continue;
      if (this.#step(this.#state, label) !== this.#state) this.#pushIfNeeded(-1 - c, label);
    }
    for (let i = end - 1; i >= this.#base; i--) {
      if (this.#isPlaced[i] === 0) this.#pushIfNeeded(i, this.#labels[i]!);
    }
  }

  /**
   * The definite operations that no unplaced one precedes are those before `end` that are not
   * placed. `pure` is the first of them that is pure and possible now.
   */
  #scanWindow(): { firstReply: number; end: number; pure: number } {
    let firstReply = Number.POSITIVE_INFINITY;
    let i = this.#base;
    // Equal times do not tell which came first: such operations count as concurrent.
    for (; i < this.#definite.length && this.#invokedAt[i]! <= firstReply; i++) {
      if (this.#isPlaced[i] === 1) continue;
      if (this.#isPure[i] && this.#step(this.#state, this.#labels[i]!) === this.#state) {
        return { firstReply, end: i, pure: i };
      }
      firstReply = Math.min(firstReply, this.#closedAt[i]!);
    }
    return { firstReply, end: i, pure: NONE };
  }

  /**
   * An operation that would do the same without the indefinite one before it shows that one is
   * wasted.
   */
  #pushIfNeeded(candidate: number, label: number): void {
    const after = this.#step(this.#state, label);
    if (after === IMPOSSIBLE) return;
    const before = this.#stateBeforeIndefinite;
    if (before === NONE || this.#step(before, label) !== after) this.#untried.push(candidate);
  }

  #place(candidate: number, untriedFrom: number): void {
    this.#frames.push({
      placed: candidate,
      stateBefore: this.#state,
      baseBefore: this.#base,
      needyBefore: this.#stateBeforeIndefinite,
      untriedFrom,
    });
    if (candidate < 0) {
      const c = -1 - candidate;
      this.#used[c]!++;
      this.#stateBeforeIndefinite = this.#state;
      this.#state = this.#step(this.#state, this.#classes[c]!.label);
      return;
    }
    this.#isPlaced[candidate] = 1;
    this.#placedCount++;
    while (this.#isPlaced[this.#base] === 1) this.#base++;
    this.#stateBeforeIndefinite = NONE;
    this.#state = this.#step(this.#state, this.#labels[candidate]!);
  }

  /** Undoes the last `#place`; answers where the untried candidates of that configuration begin. */
  #takeBack(): number {
    const { placed, stateBefore, baseBefore, needyBefore, untriedFrom } = this.#frames.pop()!;
    if (placed < 0) this.#used[-1 - placed]!--;
    else {
      this.#isPlaced[placed] = 0;
      this.#placedCount--;
    }
    this.#state = stateBefore;
    this.#base = baseBefore;
    this.#stateBeforeIndefinite = needyBefore;
    this.#depthShared = Math.min(this.#depthShared, this.#frames.length);
    return untriedFrom;
  }

  #rememberBest(): void {
    if (this.#placedCount <= this.#bestCount) return;
    this.#bestCount = this.#placedCount;
    this.#best.length = this.#depthShared;
    for (let i = this.#depthShared; i < this.#frames.length; i++) {
      this.#best.push(this.#frames[i]!.placed);
    }
    this.#depthShared = this.#frames.length;
  }

  #result(verdict: Verdict, statesExplored: number): SearchResult {
    const indefiniteCount = this.#classes.reduce((sum, c) => sum + c.operations.length, 0);
    const operationCount = this.#definite.length + indefiniteCount;
    const counts = { verdict, operationCount, indefiniteCount, statesExplored };
    return verdict === "valid" ? counts : { ...counts, ...this.#explain() };
  }

  /** Replays the longest path and says of every operation that could come next why it cannot. */
  #explain(): Required<Pick<SearchResult, "longestPrefix" | "state" | "stuck">> {
    this.#rememberBest();
    while (this.#frames.length > 0) this.#takeBack();
    const longestPrefix: Operation[] = [];
    for (const placed of this.#best) {
      longestPrefix.push(
        placed < 0
          ? this.#classes[-1 - placed]!.operations[this.#used[-1 - placed]!]!
          : this.#definite[placed]!,
      );
      this.#place(placed, 0);
    }
    const state = this.#model.key(this.#states[this.#state]!);
    const stuck: { operation: Operation; reason: string }[] = [];
    const { end } = this.#scanWindow();
    for (let i = this.#base; i < end; i++) {
      if (this.#isPlaced[i] === 1) continue;
      const isPossible = this.#step(this.#state, this.#labels[i]!) !== IMPOSSIBLE;
      const reason = isPossible
        ? "possible here, but every way on from it fails"
        : `impossible while the state is ${state}`;
      stuck.push({ operation: this.#definite[i]!, reason });
    }
    return { longestPrefix, state, stuck };
  }

  #step(state: number, label: number): number {
    const at = state * this.#labelled.length + label;
    const known = this.#steps.get(at);
    if (known !== undefined) return known;
    const after = this.#model.step(this.#states[state]!, this.#labelled[label]!);
    const id = after === impossible ? IMPOSSIBLE : this.#intern(after);
    this.#steps.set(at, id);
    return id;
  }

  #intern(state: State): number {
    const key = this.#model.key(state);
    const known = this.#stateIds.get(key);
    if (known !== undefined) return known;
    this.#stateIds.set(key, this.#states.length);
    return this.#states.push(state) - 1;
  }

  #labelOf(operation: Operation): number {
    const { f, input, outcome, output, error } = operation;
    // A result that nobody saw does not tell operations apart.
    const result = outcome === "ok" ? canonical(output) : outcome === "fail" ? error?.code : "?";
    const name = `${f} ${canonical(input)} ${outcome} ${result}`;
    const known = this.#labelIds.get(name);
    if (known !== undefined) return known;
    this.#labelIds.set(name, this.#labelled.length);
    return this.#labelled.push(operation) - 1;
  }

  #classify(indefinite: readonly Operation[]): IndefiniteClass[] {
    const byLabel = new Map<number, Operation[]>();
    for (const operation of indefinite) {
      const label = this.#labelOf(operation);
      const members = byLabel.get(label);
      if (members === undefined) byLabel.set(label, [operation]);
      else members.push(operation);
    }
    return [...byLabel].map(([label, operations]) => ({ label, operations }));
  }
}
