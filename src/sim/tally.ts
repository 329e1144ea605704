// Counts by name: of faults that really happened, and of situations that were really met
// (`sometimes` properties: beside every "always" a proof that there was something to judge).

export class Tally<Name extends string> {
  readonly #counts = new Map<Name, number>();

  add(name: Name, count = 1): void {
    if (count > 0) this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }

  count(name: Name): number {
    return this.#counts.get(name) ?? 0;
  }

  addAll(other: Tally<Name>): void {
    for (const [name, count] of other.entries()) this.add(name, count);
  }

  /** By name. */
  entries(): [Name, number][] {
    return [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }
}
