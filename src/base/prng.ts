// A seeded random generator (xoshiro128**, Blackman and Vigna 2018) for the simulator, for tests
// and for the few random choices of the core, which takes its seed from the host. Not for secrets.

export class Prng {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** @param seed any safe integer; equal seeds give equal sequences on every machine. */
  constructor(seed: number) {
    // splitmix32 spreads a small seed over the state; an all-zero state cannot come out of it.
    let state = (seed ^ Math.floor(seed / 0x1_0000_0000)) | 0;
    const next = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return z ^ (z >>> 15);
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next();
  }

  /** 32 random bits, as a signed integer: unlike a larger number it needs no memory of its own. */
  bits(): number {
    const product = Math.imul(this.#b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9);
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** Uniform in [0, 2^32). */
  u32(): number {
    return this.bits() >>> 0;
  }

  /** Uniform in [0, 1) with 53 bits. */
  float(): number {
    return ((this.bits() >>> 5) * 0x4000000 + (this.bits() >>> 6)) / 0x20000000000000;
  }

  /** Uniform in [0, bound), for bound up to 2^53. */
  below(bound: number): number {
    return Math.floor(this.float() * bound);
  }

  /** Uniform integer in [low, high], both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(probability: number): boolean {
    return this.float() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** Fisher-Yates, in place. */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [items[i], items[j]] = [items[j]!, items[i]!];
    }
    return items;
  }

  /** An independent generator, so that one consumer's draws do not move another's. */
  fork(): Prng {
    return new Prng(this.below(Number.MAX_SAFE_INTEGER));
  }
}
