// Exhaustive exploration of tiny configurations, over the real code: breadth first, every choice
// that a schedule could make, each state visited once. It is a model checker without a model: the
// worlds are made of the production classes, which cannot be copied, so that a state is kept as the
// choices that lead to it and is built anew from the beginning for each step.
//
// Two states count as one when their fingerprints are equal. A fingerprint must therefore hold
// everything that later behaviour depends on; where a class hides its insides, the list of all that
// it was told will do, because it is deterministic.

/** One run of a configuration. Choices are texts; in one state each is different. */
export interface World {
  /** What may happen next, in a fixed order. */
  choices(): readonly string[];
  take(choice: string): void;
  fingerprint(): string;
  /** What must hold in every state: throws where it does not. */
  always(): void;
  /** Situations that the last choice led to. */
  sometimes(): readonly string[];
  /** Lets all that is open come to its end and judges that; the world is thrown away then. */
  finish(): void;
}

export interface Exploration {
  readonly states: number;
  readonly transitions: number;
  /** Longest shortest way to a state. */
  readonly depth: number;
  /** Situations and how many steps led to each. */
  readonly met: ReadonlyMap<string, number>;
  /** The shortest way to a state in which something did not hold. */
  readonly failure: { readonly choices: readonly string[]; readonly reason: string } | undefined;
  /** Whether the bound ended the search. */
  readonly isCut: boolean;
}

interface State {
  readonly parent: State | undefined;
  readonly choice: string;
  readonly depth: number;
}

export interface ExploreOptions {
  /** No more states than this. */
  readonly statesMax?: number;
  /** No ways longer than this. */
  readonly depthMax?: number;
}

const statesMaxDefault = 1_000_000;

export function explore(start: () => World, options: ExploreOptions = {}): Exploration {
  return new Explorer(start, options).run();
}

class Explorer {
  readonly #start: () => World;
  readonly #statesMax: number;
  readonly #depthMax: number;
  readonly #known = new Set<string>();
  readonly #met = new Map<string, number>();
  readonly #queue: State[] = [];
  #transitions = 0;
  #failure: Exploration["failure"];

  constructor(start: () => World, { statesMax, depthMax }: ExploreOptions) {
    this.#start = start;
    this.#statesMax = statesMax ?? statesMaxDefault;
    this.#depthMax = depthMax ?? Number.POSITIVE_INFINITY;
  }

  run(): Exploration {
    this.#visit({ parent: undefined, choice: "", depth: 0 });
    let at = 0;
    while (at < this.#queue.length && this.#failure === undefined) {
      if (this.#known.size >= this.#statesMax) break;
      this.#expand(this.#queue[at++]!);
    }
    return {
      states: this.#known.size,
      transitions: this.#transitions,
      depth: this.#queue.at(-1)?.depth ?? 0,
      met: this.#met,
      failure: this.#failure,
      isCut: at < this.#queue.length && this.#failure === undefined,
    };
  }

  #expand(state: State): void {
    if (state.depth >= this.#depthMax) return;
    for (const choice of this.#build(state).choices()) {
      this.#transitions++;
      this.#visit({ parent: state, choice, depth: state.depth + 1 });
      if (this.#failure !== undefined) return;
    }
  }

  #visit(state: State): void {
    try {
      const world = this.#build(state);
      for (const name of world.sometimes()) this.#met.set(name, (this.#met.get(name) ?? 0) + 1);
      const fingerprint = world.fingerprint();
      if (this.#known.has(fingerprint)) return;
      this.#known.add(fingerprint);
      this.#queue.push(state);
      world.always();
      this.#build(state).finish();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#failure = { choices: wayTo(state), reason: error.message };
    }
  }

  #build(state: State): World {
    const world = this.#start();
    for (const choice of wayTo(state)) world.take(choice);
    return world;
  }
}

function wayTo(state: State): string[] {
  const choices: string[] = [];
  for (let at: State | undefined = state; at?.parent !== undefined; at = at.parent)
    choices.push(at.choice);
  return choices.reverse();
}
