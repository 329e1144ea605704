// Where a list element stands: a path of steps through a tree, after Fugue (Weidner, Kleppmann,
// arXiv 2305.00583), with ids from stamps (merge-rules 18). Pushes at the ends are children of the
// root, so their ids have one step. LINSERT hangs the new element on a neighbour: to the right of
// the left one, or, if the right one descends from the left one or there is no left one, to the
// left of the right one. In order, left children come before their parent and right children after
// it. Children of one side are ordered by stamp and place in the batch: later ones further out,
// which is where a push belongs. So what one command pushed stays together.
//
// A position is its own element key: a byte string (as Latin-1 text) whose byte order is the list's
// order.
//   position = step* 01         the end sorts between left children (00) and right children (02)
//   step     = 00 | 02, then: time, 7 bytes, high byte first · name, 00 · place; inverted after 00
//   place    = 1 byte below f8, else f8 and 4 bytes, high byte first
// No step's bytes are the beginning of another's, so comparing bytes compares step by step.
//
// Positions grow by a step with each insertion into the same gap and are never rewritten. Left out:
// rebalancing.

import { assert } from "../base/assert.js";
import { compareText, MalformedBytes } from "../base/bytes.js";
import type { ReplicaTable } from "../clock/replica-table.js";
import type { Stamp, Time } from "../clock/stamp.js";

/** Latin-1 text; `<` on it is the order of the list. */
export type ListPosition = string;

export type Side = "left" | "right";

export interface PositionStep {
  readonly side: Side;
  readonly time: Time;
  readonly replica: string;
  /** The place in the batch: elements that one batch makes share its stamp. */
  readonly place: number;
}

const leftMark = "\x00";
const endMark = "\x01";
const rightMark = "\x02";
const longPlace = 0xf8;

/** Places that one batch may give out; a batch is closed long before. */
export const placeMax = 0xffff_ffff;

/**
 * Before everything the writer has seen. Of two such in one batch the one with the higher place is
 * first.
 */
export const positionFirst = (stamp: Stamp, place: number, replicas: ReplicaTable): ListPosition =>
  stepText("left", stamp, place, replicas) + endMark;

/** After everything the writer has seen. */
export const positionLast = (stamp: Stamp, place: number, replicas: ReplicaTable): ListPosition =>
  stepText("right", stamp, place, replicas) + endMark;

/**
 * Between two elements that are neighbours for the writer; `undefined` stands for an end of the
 * list.
 * @param place distinct for every position that is made under this stamp.
 */
export function positionBetween(
  left: ListPosition | undefined,
  right: ListPosition | undefined,
  stamp: Stamp,
  place: number,
  replicas: ReplicaTable,
): ListPosition {
  if (left === undefined && right === undefined) return positionLast(stamp, place, replicas);
  if (right !== undefined && (left === undefined || descendsFrom(right, left)))
    return withoutEnd(right) + stepText("left", stamp, place, replicas) + endMark;
  return withoutEnd(left!) + stepText("right", stamp, place, replicas) + endMark;
}

/**
 * The place of an element that was pushed under this stamp, and nothing else: one step, of this
 * stamp. -1 for every other element, whatever it is.
 */
export function placeOf(position: ListPosition, stamp: Stamp, replicas: ReplicaTable): number {
  const name = replicas.nameOf(stamp.replica);
  const at = name.length + 9;
  const isLong = position.length === at + 6;
  if ((!isLong && position.length !== at + 2) || !/^[\x21-\x7e]+$/.test(name)) return -1;
  const isLeft = position[0] === leftMark;
  const flip = isLeft ? 255 : 0;
  let place = 0;
  for (let i = isLong ? at + 1 : at; i < position.length - 1; i++)
    place = place * 256 + (position.charCodeAt(i) ^ flip);
  const own = isLeft ? positionFirst : positionLast;
  return own(stamp, place, replicas) === position ? place : -1;
}

export const comparePositions: (a: ListPosition, b: ListPosition) => number = compareText;

const withoutEnd = (position: ListPosition): string => position.slice(0, -1);

const descendsFrom = (position: ListPosition, ancestor: ListPosition): boolean =>
  position.length > ancestor.length && position.startsWith(withoutEnd(ancestor));

function stepText(side: Side, stamp: Stamp, place: number, replicas: ReplicaTable): string {
  const name = replicas.nameOf(stamp.replica);
  assert(/^[\x21-\x7e]+$/.test(name), "names of replicas are printable ASCII");
  assert(place >= 0 && place <= placeMax, "a batch has more places than a position can tell apart");
  const placeText = place < longPlace ? bigEndian(place, 1) : `\xf8${bigEndian(place, 4)}`;
  const text = `${bigEndian(stamp.time, 7)}${name}\x00${placeText}`;
  return side === "left" ? leftMark + inverted(text) : rightMark + text;
}

function bigEndian(value: number, size: number): string {
  let text = "";
  for (let rest = value, i = 0; i < size; i++) {
    text = String.fromCharCode(rest % 256) + text;
    rest = Math.floor(rest / 256);
  }
  return text;
}

function inverted(text: string): string {
  let result = "";
  for (let i = 0; i < text.length; i++) result += String.fromCharCode(255 - text.charCodeAt(i));
  return result;
}

/**
 * The steps of a position that came from outside, outermost first.
 * @throws MalformedBytes when the text is no position, or spells one in a second way.
 */
export function readPosition(position: ListPosition): PositionStep[] {
  const steps: PositionStep[] = [];
  let at = 0;
  while (position[at] !== endMark) {
    const mark = position[at];
    if (mark !== leftMark && mark !== rightMark)
      throw new MalformedBytes("a list position without an end");
    const flip = mark === leftMark ? 255 : 0;
    const byte = (offset: number): number => {
      const code = position.charCodeAt(offset); // NaN past the end.
      if (!(code <= 255)) throw new MalformedBytes("a list position ends inside a step");
      return code ^ flip;
    };
    const number = (offset: number, size: number): number => {
      let value = 0;
      for (let i = 0; i < size; i++) value = value * 256 + byte(offset + i);
      return value;
    };
    const time = number(at + 1, 7);
    let replica = "";
    let end = at + 8;
    for (; byte(end) !== 0; end++) replica += String.fromCharCode(byte(end));
    const isLong = byte(end + 1) === longPlace;
    const place = isLong ? number(end + 2, 4) : byte(end + 1);
    const isKnownForm = isLong ? place >= longPlace : place < longPlace;
    if (!Number.isSafeInteger(time) || !/^[\x21-\x7e]+$/.test(replica) || !isKnownForm)
      throw new MalformedBytes("a list position with an impossible step");
    steps.push({ side: mark === leftMark ? "left" : "right", time, replica, place });
    at = end + (isLong ? 6 : 2);
  }
  if (steps.length === 0 || at !== position.length - 1)
    throw new MalformedBytes("a list position without steps or with an end inside");
  return steps;
}

/** `positionFirst` or `positionLast`. */
export const positionAtEnd = (
  isFront: boolean,
  stamp: Stamp,
  place: number,
  replicas: ReplicaTable,
): ListPosition =>
  isFront ? positionFirst(stamp, place, replicas) : positionLast(stamp, place, replicas);
