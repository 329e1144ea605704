// Random elements of a hash or a set. Every element is equally likely: positions are drawn until
// one is taken, never the next taken one. Draws come from the node's generator, so a run can be
// repeated.

import { fromLatin1 } from "../base/bytes.js";
import type { Ref } from "../keyspace/arena.js";
import { type Collection, forms } from "../keyspace/collection.js";
import type { Call } from "./call.js";
import { fail } from "./errors.js";
import { ReplyTooLarge, replyBytesMax } from "./reply.js";

/**
 * Above this share of the collection, different elements are found by shuffling rather than by
 * drawing again.
 */
const drawnShareMax = 1 / 3;

/** Goes to a random element of a collection that is not empty. */
export function drawElement(call: Call, view: Collection): void {
  const { environment } = call;
  if (view.form === forms.packed) {
    view.seek(Math.floor(environment.random() * view.count));
  } else if (view.form === forms.table) {
    drawRecord(call, view);
  } else {
    drawMany(call, view, 1, () => {});
  }
}

/** Goes to a random element of a table. */
function drawRecord(call: Call, view: Collection): void {
  const { index } = view.table!;
  view.atRecord(index.draw(call.environment));
  view.elementHash = index.drawnHash;
}

/** Goes to random elements `times` times; one may come again. */
export function drawMany(
  call: Call,
  view: Collection,
  times: number,
  visit: (view: Collection) => void,
): void {
  if (view.form === forms.table) {
    for (let i = 0; i < times; i++) {
      drawRecord(call, view);
      visit(view);
    }
    return;
  }
  const places = placesOf(view);
  for (let i = 0; i < times; i++) {
    goTo(view, places[Math.floor(call.environment.random() * places.length)]!);
    visit(view);
  }
}

/** Goes to `times` different elements; there must be more than that. */
export function drawDistinct(
  call: Call,
  view: Collection,
  times: number,
  visit: (view: Collection) => void,
): void {
  if (view.form === forms.table && times <= view.count * drawnShareMax) {
    const drawn = new Set<Ref>();
    while (drawn.size < times) {
      drawRecord(call, view);
      if (drawn.has(view.elementRef)) continue;
      drawn.add(view.elementRef);
      visit(view);
    }
    return;
  }
  const places = placesOf(view);
  for (let i = 0; i < times; i++) {
    const chosen = i + Math.floor(call.environment.random() * (places.length - i));
    const place = places[chosen]!;
    places[chosen] = places[i]!;
    goTo(view, place);
    visit(view);
  }
}

/** A record of a table, a position in a packed record, or the name of an element. */
type Place = number | string;

function placesOf(view: Collection): Place[] {
  const places: Place[] = [];
  if (view.form === forms.table) {
    view.table!.index.forEach((ref) => {
      places.push(ref);
    });
  } else if (view.form === forms.packed) {
    view.each(({ cursor }) => places.push(cursor.entryStart));
  } else {
    for (const [element] of view.store!.entries())
      if (view.store!.isVisible(element)) places.push(element);
  }
  return places;
}

function goTo(view: Collection, place: Place): void {
  if (typeof place === "string") view.find(fromLatin1(place), 0, place.length);
  else if (view.form === forms.table) view.atRecord(place);
  else view.atEntry(place);
}

/** C's LONG_MAX. */
const longMax = 2n ** 63n - 1n;

/**
 * The count of SRANDMEMBER and HRANDFIELD: negative allows repetition. NaN after the error was
 * replied.
 */
export function randomCount(call: Call, index: number): number {
  const small = call.safeInteger(index);
  if (!Number.isNaN(small)) return small;
  const value = call.int64(index);
  if (value === undefined) {
    fail(call, "notInteger");
    return Number.NaN;
  }
  if (value < -longMax) {
    call.reply.error(`ERR value is out of range, value must between ${-longMax} and ${longMax}`);
    return Number.NaN;
  }
  return Number(value);
}

/** The shortest element as a reply. */
const elementBytesMin = 6;

/** Refuses at once what could never be sent. */
export function demandSendable(count: number): void {
  if (count > replyBytesMax / elementBytesMin)
    throw new ReplyTooLarge("random elements beyond the bound of a reply");
}
