// Which configurations of linearization-search.ts were entered before. The search only comes back
// to one after it failed, so "entered" means "hopeless". The key is exact, never a hash alone: a
// collision would turn a valid history into an invalid one.

export class ConfigurationMemo {
  /** Without indefinite operations a configuration is its key. */
  readonly #entered = new Set<string>();
  /** With them: for each key the used counts that failed, none of them at or above another. */
  readonly #usedByKey = new Map<string, Uint32Array[]>();
  readonly #hasIndefinite: boolean;

  constructor(hasIndefinite: boolean) {
    this.#hasIndefinite = hasIndefinite;
  }

  /**
   * Whether this configuration, or one with the same definite operations and state and no more
   * indefinite ones used, was entered before. If not, it is now.
   */
  isHopeless(
    state: number,
    base: number,
    placedCount: number,
    isPlaced: Uint8Array,
    used: Uint32Array,
  ): boolean {
    const key = `${state},${base}${placedBeyond(base, placedCount - base, isPlaced)}`;
    if (!this.#hasIndefinite) {
      if (this.#entered.has(key)) return true;
      this.#entered.add(key);
      return false;
    }
    const failed = this.#usedByKey.get(key);
    if (failed === undefined) {
      this.#usedByKey.set(key, [used.slice()]);
      return false;
    }
    if (failed.some((counts) => isAtMost(counts, used))) return true;
    const kept = failed.filter((counts) => !isAtMost(used, counts));
    kept.push(used.slice());
    this.#usedByKey.set(key, kept);
    return false;
  }
}

const WORD_BITS = 30;

/** The placed operations after the first unplaced one, as a bit set in text: words of 30 bits. */
function placedBeyond(base: number, count: number, isPlaced: Uint8Array): string {
  let text = "";
  let word = 0;
  let bit = 0;
  for (let i = base + 1, left = count; left > 0; i++) {
    if (isPlaced[i] === 1) {
      word |= 1 << bit;
      left--;
    }
    if (++bit === WORD_BITS) {
      text += `,${word}`;
      word = 0;
      bit = 0;
    }
  }
  return word === 0 ? text : `${text},${word}`;
}

function isAtMost(a: Uint32Array, b: Uint32Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i]! > b[i]!) return false;
  return true;
}
