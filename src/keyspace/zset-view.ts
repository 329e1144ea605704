// A sorted set as commands read it, whatever its form (zset-forms.ts). A view stands at one member
// at a time and is moved by rank, by score or by member; it is opened anew for every command, and a
// write makes it stale.

export interface ZsetView {
  readonly visibleCount: number;

  /** The member that the view stands at: `bytes[start, start + length)`. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly length: number;
  /** The words of the same buffer, where they are at hand. */
  readonly words: DataView | undefined;
  readonly score: number;
  readonly rank: number;

  /** Goes to a member; false when it is not there. */
  seekMember(bytes: Uint8Array, start: number, length: number): boolean;
  /** Goes to the member at a rank in [0, visibleCount). */
  seek(rank: number): void;
  /** Goes to the neighbour, which must exist if it is looked at. Only after `seek`. */
  step(isReverse: boolean): void;

  /**
   * The rank of the first member whose score is at least `score`, or above it when `isExclusive`.
   */
  rankOfScore(score: number, isExclusive: boolean): number;
  /** The rank of the first one at or after (score, member), or after it. */
  rankOfPair(
    score: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    isExclusive: boolean,
  ): number;
  /**
   * The rank of the first one at or after a member's bytes, or after them, in a set whose scores
   * are all equal. Where they are not, a packed set answers the first such one from rank `from` on,
   * and a table any place between.
   */
  rankOfMember(
    bytes: Uint8Array,
    start: number,
    length: number,
    isExclusive: boolean,
    from: number,
  ): number;
}
