// The log of operations with what each had observed: all that an oracle may look at. It holds no
// state and knows no join, so that a lattice and its oracle cannot share a mistake.

export interface Batch<Operation> {
  readonly replica: string;
  readonly time: number;
  /** By replica name, the highest time that the writer had seen before the batch. */
  readonly observed: ReadonlyMap<string, number>;
  readonly operations: readonly Operation[];
}

export interface Logged<Operation> {
  readonly batch: Batch<unknown>;
  readonly place: number;
  readonly operation: Operation;
}

/**
 * Whether `later` was made in view of `earlier`: in its context, or before it in the same batch.
 */
export function saw(later: Logged<unknown>, earlier: Logged<unknown>): boolean {
  if (later.batch === earlier.batch) return earlier.place < later.place;
  return (later.batch.observed.get(earlier.batch.replica) ?? 0) >= earlier.batch.time;
}

/** By stamp, then place: an order in which everything comes after what it saw. */
export function compareLogged(a: Logged<unknown>, b: Logged<unknown>): number {
  if (a.batch.time !== b.batch.time) return a.batch.time - b.batch.time;
  if (a.batch.replica !== b.batch.replica) return a.batch.replica < b.batch.replica ? -1 : 1;
  return a.place - b.place;
}

/** The operations of some batches, in the order of `compareLogged`. */
export type History<Operation> = readonly Logged<Operation>[];

export const historyOf = <Operation>(batches: readonly Batch<Operation>[]): History<Operation> =>
  batches
    .flatMap((batch) => batch.operations.map((operation, place) => ({ batch, place, operation })))
    .sort(compareLogged);

/** The logged operations of which nobody of `others` has seen anything. */
export const unseenBy = <Operation>(
  operations: History<Operation>,
  others: History<Operation>,
): History<Operation> => operations.filter((one) => !others.some((other) => saw(other, one)));
